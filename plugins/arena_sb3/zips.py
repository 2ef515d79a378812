"""Models that Stable-Baselines3 saved, read without running what may be in them.

Such a file holds tensors, which torch's restricted reader reads, and a JSON text in which Python objects are pickled;
to unpickle is to run code. Nothing of that is unpickled: beside each pickle stands what it says, for people.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from arena.errors import ArenaError
from arena.storage.codec import State

__all__ = ["read_zip"]


def read_zip(path: Path) -> State:
    """The parameters of a saved model's policy, and how its network is described.

    Args:
        path: the zip.

    Returns:
        ``policy``: its parameters by name, on the CPU; ``network``: the description, for people.

    Raises:
        ArenaError: it cannot be read, or is no such file.
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
        raise ArenaError(
            f"the weights in {path} hold more than tensors, so they were not read",
            "save it again with Stable-Baselines3 2 or newer",
        ) from error
    except (KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise ArenaError(
            f"{path} is no model of Stable-Baselines3's ({' '.join(str(error).split())[:200]})",
            "give a zip that its `save` wrote",
        ) from error
    return {"policy": dict(parameters), "network": _told(described)}


def _told(described: Any) -> str:
    """A network's description without its pickles, on one line."""
    plain = described.items() if isinstance(described, dict) else ()
    return ", ".join(f"{name} {value}" for name, value in plain if not name.startswith(":"))[:300]
