"""Models that Stable-Baselines3 saved, read without running code that they may contain.

Such a file holds tensors, which torch's restricted reader reads, and a JSON text in which Python objects are pickled.
Unpickling runs code, so no pickle is loaded; each comes with a readable description in plain JSON.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from arena.errors import ArenaError, memory_error
from arena.storage.archives import DAMAGED, check_archive, open_archive
from arena.storage.codec import State
from arena.storage.text_files import parse_json

__all__ = ["read_zip"]

#: Largest description of a model in bytes.
MOST_DATA = 64 << 20


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
        with open_archive(path) as (archive, _):
            if archive.getinfo("data").file_size > MOST_DATA:
                raise ValueError(f"its data has more than {MOST_DATA >> 20} MiB")
            description = parse_json(archive.read("data"))["policy_kwargs"]
            weights = archive.read("policy.pth")
        with contextlib.suppress(zipfile.BadZipFile):  # torch's older format is no archive
            with zipfile.ZipFile(io.BytesIO(weights)) as inner:
                check_archive(inner, path)
        parameters = _checked(torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True))
    except OSError as error:
        raise ArenaError(
            f"{path} cannot be read: {error.strerror or error}", "check the path and its permissions"
        ) from error
    except pickle.UnpicklingError as error:
        raise ArenaError(
            f"the weights in {path} hold more than tensors, so they were not read",
            "save the model again with Stable-Baselines3 2 or newer",
        ) from error
    except (KeyError, TypeError, AttributeError, RecursionError, *DAMAGED) as error:
        if (failure := memory_error(error)) is not None:
            raise failure from error
        raise ArenaError(
            f"{path} is no model of Stable-Baselines3 ({' '.join(str(error).split())[:200]})",
            "give a zip that a model's `save` wrote",
        ) from error
    return {"policy": parameters, "network": _readable(description)}


def _checked(parameters: Any) -> dict[str, torch.Tensor]:
    """Check that a policy's parameters are tensors by name, none of which repeats its elements.

    A tensor with a stride of 0 has any size in a few bytes, until it is copied.
    """
    if not isinstance(parameters, dict):
        raise ValueError(f"its weights are of type {type(parameters).__name__}, not a dictionary")
    for name, tensor in parameters.items():
        if not (isinstance(name, str) and isinstance(tensor, torch.Tensor)):
            raise ValueError(f"its weights have the entry {name!r} of type {type(tensor).__name__}")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise ValueError(f"{name} of shape {tuple(tensor.shape)} is larger than what is stored")
    return dict(parameters)


def _readable(description: Any) -> str:
    """A network's description without its pickles, on one line."""
    plain = description.items() if isinstance(description, dict) else ()
    return ", ".join(f"{name} {value}" for name, value in plain if not name.startswith(":"))[:300]
