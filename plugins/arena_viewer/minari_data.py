"""Storage of recorded episodes as a Minari data set: https://minari.farama.org."""

from __future__ import annotations

import copy
import itertools
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from filelock import FileLock
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from arena.errors import ArenaError
from arena.storage.files import write_error

__all__ = ["RecordedEpisode", "require_minari", "save_episodes"]

REMEDY = "pip install 'arena-rl[minari]'"


@dataclass(frozen=True)
class RecordedEpisode:
    """An episode of T steps, or its beginning if the person left early.

    Attributes:
        seed: seed of the reset, or None.
        observations: T + 1 elements of the observation space, from the first to that after the last action.
        actions: T elements of the action space.
        rewards: T numbers.
        terminations: T booleans.
        truncations: T booleans.
    """

    seed: int | None
    observations: Sequence[Any]
    actions: Sequence[Any]
    rewards: Sequence[float]
    terminations: Sequence[bool]
    truncations: Sequence[bool]

    def __post_init__(self) -> None:
        steps = len(self.actions)
        others = [len(self.rewards), len(self.terminations), len(self.truncations)]
        if len(self.observations) != steps + 1 or others != [steps] * 3:
            raise ValueError(
                f"{len(self.observations)} observations and {others} of the rest for {steps} actions"
            )


def save_episodes(name: str, env: gym.Env[Any, Any], episodes: Sequence[RecordedEpisode]) -> str:
    """Saves episodes as a new Minari data set in ``$MINARI_DATASETS_PATH`` or ``~/.minari``.

    Observations are saved unchanged, images too (Minari would store them as JPEG). Episodes without an action are left
    out. The last step of an interrupted episode counts as truncated, as in Minari's own collector.

    Args:
        name: of the data set, such as ``human/CliffWalk-v0``; put in small letters, what Minari forbids becomes a
            dash, and ``-v0`` is added where there is no version. If it is taken, the next free version is.
        env: where they were played; its spec is kept, so that ``recover_environment()`` makes it again, unless
            it was made by a function that no name leads to.
        episodes: in the order of play.

    Returns:
        The data set's id, for `minari.load_dataset`.

    Raises:
        ArenaError: Minari is missing, the name is none, nothing was played, or the disk, or Minari, cannot hold
            it. Then nothing is left behind.
    """
    try:
        from minari.data_collector import EpisodeBuffer
        from minari.dataset.minari_storage import MinariStorage
        from minari.storage.datasets_root_dir import get_dataset_path
    except ImportError as error:
        raise _lacks(error) from error

    stem, version = _parse(name)
    recorded_episodes = [episode for episode in episodes if len(episode.actions)]
    if not recorded_episodes:
        raise ArenaError(f"there is nothing to keep as {name}", "play at least one step")
    root = Path()
    try:
        root = get_dataset_path()
        # Minari lists no hidden folders: a data set is under its name whole or not at all.
        with (
            FileLock(root / ".arena.lock"),
            tempfile.TemporaryDirectory(dir=root, prefix=".arena-") as scratch,
        ):
            identifier = next(
                free for n in itertools.count(version) if not (root / (free := f"{stem}-v{n}")).exists()
            )
            whole = Path(scratch, "whole")
            whole.mkdir()
            storage = MinariStorage.new(
                whole / "data", env.observation_space, env.action_space, _spec(env), jpeg_encoding=False
            )
            storage.update_metadata(
                {
                    "dataset_id": identifier,
                    "algorithm_name": "human",
                    "description": "Played by a person in Arena's viewer.",
                    "minari_version": metadata.version("minari"),
                }
            )
            storage.update_episodes(
                EpisodeBuffer(
                    seed=episode.seed,
                    observations=_columns(env.observation_space, episode.observations),
                    actions=_columns(env.action_space, episode.actions),
                    rewards=np.asarray(episode.rewards, dtype=np.float64),
                    terminations=np.asarray(episode.terminations, dtype=np.bool_),
                    truncations=_truncations(episode),
                    infos={},
                )
                for episode in recorded_episodes
            )
            _make_namespace(stem)
            os.replace(whole, root / identifier)
    except OSError as error:
        raise write_error(root / stem, error) from error
    except ImportError as error:  # Minari looks for its file format's library only now
        raise _lacks(error) from error
    except (NotImplementedError, TypeError, ValueError) as error:
        problem = f"Minari cannot hold these episodes: {' '.join(str(error).split())}"
        raise ArenaError(problem, "choose spaces that it knows: minari.farama.org") from error
    return identifier


def _lacks(error: ImportError) -> ArenaError:
    missing = (error.name or "h5py").partition(".")[0]  # Minari raises an error of its own for that one
    return ArenaError(
        f"episodes are kept by Minari, and {missing} is missing", "pip install 'arena-rl[minari]'"
    )


def require_minari(name: str) -> None:
    """Checks before anything is played that episodes can be saved.

    Args:
        name: name of the data set.

    Raises:
        ArenaError: the name is invalid, or Minari or one of its requirements is missing.
    """
    _parse(name)
    try:
        import h5py  # noqa: F401  # Minari itself looks for it only when it writes
        import minari  # noqa: F401
    except ImportError as error:
        raise ArenaError(f"episodes are kept by Minari, which is not whole: {error}", REMEDY) from error


def _parse(name: str) -> tuple[str, int]:
    """Name and version in a Minari id."""
    match = re.fullmatch(r"(.*?)(?:-v(\d{1,9}))?", name.strip(), flags=re.DOTALL)
    assert match is not None
    parts = [re.sub(r"[^\w-]+", "-", part.strip().lower()).strip("-") for part in match[1].split("/")]
    # Two letters: Minari's pattern requires as many of a namespace. "data" marks a data set.
    if any(not 2 <= len(part) <= 100 for part in parts) or "data" in parts[:-1]:
        raise ArenaError(
            f"{name!r} names no data set",
            "choose words of 2 to 100 letters between slashes, not 'data', as human/cliffwalk-v0",
        )
    return "/".join(parts), int(match[2] or 0)


def _make_namespace(stem: str) -> None:
    """Registers the folders above a data set as Minari namespaces."""
    from minari.namespace import create_namespace, list_local_namespaces

    namespace, _, _ = stem.rpartition("/")
    if namespace and namespace not in list_local_namespaces():
        create_namespace(namespace)


def _spec(env: gym.Env[Any, Any]) -> EnvSpec | None:
    """Spec that makes the environment again, without a window; None if it cannot be serialized."""
    spec = copy.deepcopy(env.spec)
    if spec is None:
        return None
    spec.kwargs.pop("render_mode", None)
    try:
        spec.to_json()
    except (TypeError, ValueError):  # it holds a function, or what JSON does not know
        return None
    return spec


def _truncations(episode: RecordedEpisode) -> np.ndarray[Any, np.dtype[np.bool_]]:
    truncations = np.array(episode.truncations, dtype=np.bool_)
    truncations[-1] |= not episode.terminations[-1]
    return truncations


def _columns(space: gym.Space[Any], values: Sequence[Any]) -> Any:
    """Elements of a space in Minari's layout: an array for each leaf, in the space's own type."""
    if isinstance(space, spaces.Dict):
        return {key: _columns(part, [value[key] for value in values]) for key, part in space.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(_columns(part, [value[i] for value in values]) for i, part in enumerate(space.spaces))
    if isinstance(space, spaces.Text):
        return list(values)
    return np.stack([np.asarray(value, dtype=space.dtype) for value in values])
