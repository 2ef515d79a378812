"""Models that Stable-Baselines3 saved, read without running code that they may contain.

Such a file holds tensors, which torch's restricted reader reads, and a JSON text in which Python objects are pickled.
Unpickling runs code, so no pickle is loaded; each comes with a readable description in plain JSON.
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
    """Reads the parameters of a saved model's policy, and the description of its network.

    Args:
        path: the zip.

    Returns:
        ``policy``: the parameters by name, on the CPU; ``network``: the description, for people.

    Raises:
        ArenaError: the file cannot be read, or is no saved model.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            description = json.loads(archive.read("data"))["policy_kwargs"]
            with archive.open("policy.pth") as file:
                parameters = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ArenaError(
            f"{path} cannot be read: {error.strerror or error}", "check the path and its permissions"
        ) from error
    except pickle.UnpicklingError as error:
        raise ArenaError(
            f"the weights in {path} hold more than tensors, so they were not read",
            "save the model again with Stable-Baselines3 2 or newer",
        ) from error
    except (KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise ArenaError(
            f"{path} is no model of Stable-Baselines3 ({' '.join(str(error).split())[:200]})",
            "give a zip that a model's `save` wrote",
        ) from error
    return {"policy": dict(parameters), "network": _readable(description)}


def _readable(description: Any) -> str:
    """A network's description without its pickles, on one line."""
    plain = description.items() if isinstance(description, dict) else ()
    return ", ".join(f"{name} {value}" for name, value in plain if not name.startswith(":"))[:300]
