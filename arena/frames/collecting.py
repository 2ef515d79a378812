"""Frames from an environment: somebody acts, and what is seen is kept with what is told of it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from arena.config.validation import validated_count
from arena.environments.factory import EnvironmentFactory, options_class_of
from arena.environments.space_json import guessed, stored
from arena.errors import ArenaError
from arena.frames.columns import ACTION, BEGIN, LABEL, OBSERVATION, Column
from arena.frames.lanes import Lanes, Look, NativeLanes, SingleLanes, asked, untold
from arena.frames.policies import RANDOM, Policies, Policy, policy_of
from arena.frames.store import Frames
from arena.frames.writer import CHUNK_BYTES, Writer, existing, place
from arena.random.generators import Generators, derive, reset_seed
from arena.streams.base import MEND

__all__ = ["collect", "label_spaces_of", "telling"]

Array = npt.NDArray[Any]
Env = gym.Env[Any, Any]


def collect(
    env: str | Callable[..., Env] | Env,
    policy: Policies = RANDOM,
    n: int = 10_000,
    *,
    seed: int = 0,
    num_envs: int = 8,
    out: str | Path | None = None,
    env_options: Mapping[str, object] | None = None,
    wrappers: Sequence[str] = (),
    labels: Sequence[str] | None = None,
    frames: Literal["observation", "render"] = "observation",
    explore: bool = False,
    horizon: int | None = None,
) -> Frames:
    """Lets somebody act in an environment, and writes what is seen to a folder.

    The same arguments give the same bytes, on the same machine and versions; where they have done so before, the set
    that is there is opened. Every episode is validated_count, its last frame included, but for the last one of each lane.

    Args:
        env: a Gymnasium id, a function that makes an environment, or an environment with a spec.
        policy: ``random``; a run folder, ``RUN@best`` or ``RUN@20000``; or ``{policy: weight}``, which chooses one for
            each episode.
        n: how many frames.
        seed: of episodes, policies and choices.
        num_envs: how many episodes run side by side; each gives its share of the frames.
        out: a new folder; by default one under ``frames/`` that is named by the arguments.
        env_options: keyword arguments of the environment.
        wrappers: as `arena.train` takes them.
        labels: which entries of `info` to keep; an environment with an option ``labels`` is asked for them. By default
            those which `env_options` ask for.
        frames: what is kept: what the environment shows, or what it renders (an ``rgb_array``).
        explore: whether trained agents act as in training.
        horizon: cut episodes off after so many steps.

    Raises:
        ArenaError: whatever is wrong with an argument, a label that the environment does not give, observations that
            are no arrays, or a folder that holds something else.

    Example:
        >>> frames = collect(
        ...     "arena/FourRooms-v0", n=1000, env_options={"observation": "pixels"}, labels=("state",)
        ... )  # doctest: +SKIP
        >>> frames.observation.shape, frames.labels["state"].shape  # doctest: +SKIP
        ((1000, 104, 104, 3), (1000, 2))
    """
    if frames not in ("observation", "render"):
        raise ArenaError(f"frames is {frames!r}", "give 'observation' or 'render'")
    n, lanes = validated_count("n", n), min(validated_count("num_envs", num_envs), validated_count("n", n))
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ArenaError(f"seed is {seed!r}, which is no validated_count number", "give one")
    seed = int(seed)
    if horizon is not None:
        horizon = validated_count("horizon", horizon)
    factory = telling(EnvironmentFactory.resolve(env, env_options, wrappers), labels)
    player = policy_of(policy, factory, lanes, derive(seed, "frames"), explore=explore)
    source = {
        "kind": "environment",
        "env": factory.identity(),
        "policy": player.identity(),
        "count": n,
        "seed": seed,
        "num_envs": lanes,
        "labels": None if labels is None else sorted(labels),
        "frames": frames,
        "horizon": horizon,
    }
    folder = place(out, factory.id, source)
    found = existing(folder, source)
    if found is not None:
        return found
    share = [n // lanes + (lane < n % lanes) for lane in range(lanes)]
    generators = Generators(derive(seed, "frames"))
    # An environment that draws from the global generators gives the same every time, too.
    with generators.lent("collect"):
        opened, columns = _opened(factory, lanes, labels, frames == "render", horizon)
        with closing(opened), Writer(folder, columns, source, share) as writer:
            seeds = [reset_seed(seed, "frames", "episode", lane) for lane in range(lanes)]
            _play(opened, player, writer, seeds)
            return writer.finish()


class _Recorder:
    """Holds each lane's rows until there is a chunk of them."""

    def __init__(self, writer: Writer) -> None:
        self._writer, self._share = writer, np.array(writer.parts)
        row = sum(column.row_bytes for column in writer.columns.values())
        rows = int(np.clip(CHUNK_BYTES // (row * len(self._share)), 1, max(writer.parts)))
        self._rows = {
            column.name: np.zeros((len(self._share), rows, *column.shape), column.dtype)
            for column in writer.columns.values()
        }
        self._capacity = rows
        self._held = np.zeros_like(self._share)
        self._taken = np.zeros_like(self._share)

    @property
    def full(self) -> bool:
        return bool((self._taken == self._share).all())

    def add(self, lanes: npt.NDArray[np.int64], look: Look, action: Array | None) -> None:
        """A frame in each of these lanes, as far as they want more; without an action an episode begins."""
        wanting = self._taken[lanes] < self._share[lanes]
        lanes = lanes[wanting]
        slots = self._held[lanes]
        for column, rows in look.items():
            held = self._rows[column]
            held[lanes, slots] = _cast(rows[wanting], held.dtype, column)
        self._rows[ACTION][lanes, slots] = 0 if action is None else action[wanting]
        self._rows[BEGIN][lanes, slots] = action is None
        self._held[lanes] += 1
        self._taken[lanes] += 1
        due = (self._held[lanes] == self._capacity) | (self._taken[lanes] == self._share[lanes])
        for lane in lanes[due].tolist():
            count = int(self._held[lane])
            self._writer.write({name: rows[lane, :count] for name, rows in self._rows.items()}, lane)
            self._held[lane] = 0


def _cast(rows: Array, dtype: np.dtype[Any], column: str) -> Array:
    """Rows of a column's type; validated_count numbers must not change by it."""
    cast = rows.astype(dtype, copy=False)
    if dtype.kind != "f" and dtype != rows.dtype and (cast != rows).any():
        name, value = column.replace(".", " "), rows[cast != rows][0]
        raise ArenaError(f"the {name} has {value}, which is no {dtype.name}", MEND)
    return cast


def _play(lanes: Lanes, policy: Policy, writer: Writer, seeds: Sequence[int]) -> None:
    recorder, everyone = _Recorder(writer), np.arange(lanes.num_envs)
    recorder.add(everyone, lanes.begin(seeds), None)
    while not recorder.full:
        action = policy.act(lanes.observation)
        turn = lanes.step(action)
        recorder.add(everyone, turn.arrived, action)
        if len(turn.ended):
            recorder.add(turn.ended, turn.begun, None)
            policy.ended(np.isin(everyone, turn.ended))


def telling(factory: EnvironmentFactory, labels: Sequence[str] | None) -> EnvironmentFactory:
    """The environment, asked for labels by its own option, where it has one."""
    if isinstance(labels, str):
        raise ArenaError(f"labels is {labels!r}", f"give a list of names, such as ({labels!r},)")
    options = factory.options
    fields = {field.name for field in dataclasses.fields(options_class_of(factory.id))}
    if not labels or "labels" not in fields or set(labels) <= {*options.get("labels", ())}:
        return factory
    wanted = dict.fromkeys([*options.get("labels", ()), *labels])
    return EnvironmentFactory.resolve(factory.id, {**options, "labels": tuple(wanted)}, factory.wrappers)


def _opened(
    factory: EnvironmentFactory, count: int, labels: Sequence[str] | None, rendered: bool, horizon: int | None
) -> tuple[Lanes, list[Column]]:
    """The lanes, and the columns of what they give."""
    make = functools.partial(factory.make, horizon, **({"render_mode": "rgb_array"} if rendered else {}))
    first = make()
    envs = [first]
    try:
        seen = _frame_space(first, factory.id) if rendered else first.observation_space
        observed = stored(seen, factory.id, observed=True)
        spaces = label_spaces_of(first, factory.id, labels)
        columns = [
            Column(OBSERVATION, observed),
            Column(ACTION, stored(first.action_space, f"the action of {factory.id}")),
            Column(BEGIN, None),
            *(Column(LABEL + name, space) for name, space in spaces.items()),
        ]
        if factory.is_native and not rendered:
            vector = factory.native_vector(count, horizon)
            first.close()
            return NativeLanes(vector, tuple(spaces), factory.id), columns
        envs += [make() for _ in range(1, count)]
        return SingleLanes(envs, spaces, columns[0].shape, factory.id, rendered=rendered), columns
    except BaseException:
        for env in envs:
            env.close()
        raise


def _frame_space(env: Env, name: str) -> gym.Space[Any]:
    """Of what an environment renders."""
    asked(name, env.reset, seed=0)
    frame: Any = asked(name, env.render)
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3:
        raise ArenaError(f"{name} renders no rgb_array", "take frames='observation'")
    return gym.spaces.Box(0, 255, frame.shape, np.uint8)


def label_spaces_of(env: Env, name: str, labels: Sequence[str] | None) -> dict[str, gym.Space[Any]]:
    """The space of each label: as the environment says, or as its first value looks."""
    inner: Any = env.unwrapped
    said = getattr(inner, "label_spaces", {})
    wanted = list(said) if labels is None else list(dict.fromkeys(labels))
    if set(wanted) <= set(said):
        return {label: stored(said[label], f"the label {label}") for label in wanted}
    _, info = asked(name, env.reset, seed=0)
    found = {}
    for label in wanted:
        if label not in info:
            raise untold(name, label, info)
        space = said[label] if label in said else guessed(info[label], f"the label {label} of {name}")
        found[label] = stored(space, f"the label {label}")
    return found
