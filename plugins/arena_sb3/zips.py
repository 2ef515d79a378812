"""Models that Stable-Baselines3 saved, read without running what may be in them.

Such a file holds tensors and a JSON text in which Python objects are pickled; to unpickle is to run code. The
tensors are read by torch's restricted reader, and of the text only the network's description is looked at: where
it is plain, nothing needs trust; where it is pickled, `trust` says that the author may run code here.
"""

from __future__ import annotations

import base64
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from arena.errors import ArenaError

__all__ = ["Saved", "load_into", "load_zip"]

PICKLED = ":serialized:"


class Saved(NamedTuple):
    """What a saved model tells of its network.

    Attributes:
        path: where it was read.
        policy_kwargs: the arguments of its policy.
        parameters: the policy's parameters by name, on the CPU.
    """

    path: str
    policy_kwargs: dict[str, Any]
    parameters: dict[str, Tensor]


def load_zip(path: str | Path, trust: bool = False) -> Saved:
    """Reads a model that Stable-Baselines3 saved.

    Args:
        path: the zip.
        trust: whether its network's description may be unpickled, which runs whatever code its author put there.

    Raises:
        ArenaError: it is not there or no such file; or trust is needed and there is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            described = json.loads(archive.read("data"))["policy_kwargs"]
            with archive.open("policy.pth") as file:
                parameters = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ArenaError(
            f"{path} cannot be read: {error.strerror or error}", "name a file that is there"
        ) from error
    except pickle.UnpicklingError as error:
        remedy = "save it again with Stable-Baselines3 2 or newer"
        raise ArenaError(
            f"the weights in {path} hold more than tensors, so they were not read", remedy
        ) from error
    except (KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        problem = f"{path} is no model of Stable-Baselines3's ({' '.join(str(error).split())[:200]})"
        raise ArenaError(problem, "give a zip that its `save` wrote") from error
    return Saved(str(path), _described(described, path, trust), dict(parameters))


def load_into(policy: nn.Module, saved: Saved) -> None:
    """Gives a policy the saved parameters.

    Raises:
        ArenaError: it is another network.
    """
    try:
        policy.load_state_dict(saved.parameters)
    except RuntimeError as error:
        said = " ".join(str(error).split())[:300]
        raise ArenaError(
            f"the network in {saved.path} is not this agent's: {said}",
            "take the algorithm and the environment that it was trained with",
        ) from error


def _described(item: Any, path: str | Path, trust: bool) -> dict[str, Any]:
    if isinstance(item, dict) and PICKLED in item:
        if not trust:
            raise ArenaError(
                f"the network in {path} is described by pickled Python, which can run code when it is loaded",
                "say --agent.trust if you trust its author",
            )
        import cloudpickle

        item = cloudpickle.loads(base64.b64decode(item[PICKLED]))
    network = dict(item or {})
    if isinstance(layers := network.get("net_arch"), list) and layers and isinstance(layers[0], dict):
        network["net_arch"] = layers[0]  # before Stable-Baselines3 1.8
    return network
