"""Collection of frames from an environment: a policy acts, and observations, actions and labels are written."""

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
from arena.environments.space_json import inferred_space, storage_space
from arena.errors import ArenaError
from arena.frames.columns import ACTION, BEGIN, LABEL, OBSERVATION, Column
from arena.frames.frame_envs import (
    FrameBatch,
    FrameEnvs,
    GymnasiumFrameEnvs,
    NativeFrameEnvs,
    call_environment,
    missing_label,
)
from arena.frames.policies import RANDOM, Policies, Policy, policy_of
from arena.frames.store import Frames
from arena.frames.writer import CHUNK_BYTES, Writer, open_existing, output_folder
from arena.random.generators import Generators, derive, reset_seed
from arena.streams.base import FIX_WITH_WRAPPER

__all__ = ["collect", "label_spaces_of", "with_labels"]

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
    """Collect frames from an environment with a policy, and write them to a folder as a data set.

    Equal arguments give equal bytes, on the same machine and versions; if the data set exists already, it is opened.
    Every episode is complete, including its last frame, except the last episode of each lane.

    Args:
        env: a Gymnasium id, a function that makes an environment, or an environment with a spec.
        policy: ``random``; a run folder, ``RUN@best`` or ``RUN@20000``; or ``{policy: weight}``, of which one policy is
            drawn for each episode.
        n: number of frames.
        seed: seed of the episodes, the policies and the draws between policies.
        num_envs: number of parallel episodes; each lane collects its share of the frames.
        out: a new folder; by default a folder under ``frames/`` that is named by the arguments.
        env_options: keyword arguments of the environment.
        wrappers: wrappers as for `arena.train`.
        labels: entries of `info` to store; if the environment has an option ``labels``, it is set accordingly. By
            default the labels that `env_options` request.
        frames: content of a frame: the environment's observation, or its rendered image (``rgb_array``).
        explore: whether trained agents explore as in training.
        horizon: maximum length of an episode, in steps; None for no limit.

    Raises:
        ArenaError: an invalid argument, a label that the environment does not give, observations that are not arrays,
            or a folder with other content.

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
        raise ArenaError(f"seed is {seed!r}, which is not a whole number", "give one")
    seed = int(seed)
    if horizon is not None:
        horizon = validated_count("horizon", horizon)
    factory = with_labels(EnvironmentFactory.resolve(env, env_options, wrappers), labels)
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
    folder = output_folder(out, factory.id, source)
    found = open_existing(folder, source)
    if found is not None:
        return found
    share = [n // lanes + (lane < n % lanes) for lane in range(lanes)]
    generators = Generators(derive(seed, "frames"))
    # The global generators are seeded too, for environments that draw from them.
    with generators.lent("collect"):
        opened, columns = _opened(factory, lanes, labels, frames == "render", horizon)
        with closing(opened), Writer(folder, columns, source, share) as writer:
            seeds = [reset_seed(seed, "frames", "episode", lane) for lane in range(lanes)]
            _play(opened, player, writer, seeds)
            return writer.finish()


class _LaneBuffers:
    """Buffers of the lanes' rows, written when a chunk is full."""

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

    def add(self, lanes: npt.NDArray[np.int64], batch: FrameBatch, action: Array | None) -> None:
        """Add a frame in each of these lanes that is not complete; without an action, an episode begins."""
        incomplete = self._taken[lanes] < self._share[lanes]
        lanes = lanes[incomplete]
        slots = self._held[lanes]
        for column, rows in batch.items():
            held = self._rows[column]
            held[lanes, slots] = _cast(rows[incomplete], held.dtype, column)
        self._rows[ACTION][lanes, slots] = 0 if action is None else action[incomplete]
        self._rows[BEGIN][lanes, slots] = action is None
        self._held[lanes] += 1
        self._taken[lanes] += 1
        due = (self._held[lanes] == self._capacity) | (self._taken[lanes] == self._share[lanes])
        for lane in lanes[due].tolist():
            count = int(self._held[lane])
            self._writer.write({name: rows[lane, :count] for name, rows in self._rows.items()}, lane)
            self._held[lane] = 0


def _cast(rows: Array, dtype: np.dtype[Any], column: str) -> Array:
    """Convert rows to a column's type; whole numbers must not change."""
    cast = rows.astype(dtype, copy=False)
    if dtype.kind != "f" and dtype != rows.dtype and (cast != rows).any():
        name, value = column.replace(".", " "), rows[cast != rows][0]
        raise ArenaError(f"the {name} has {value}, which is not a valid {dtype.name}", FIX_WITH_WRAPPER)
    return cast


def _play(envs: FrameEnvs, policy: Policy, writer: Writer, seeds: Sequence[int]) -> None:
    buffers, every_lane = _LaneBuffers(writer), np.arange(envs.num_envs)
    buffers.add(every_lane, envs.reset(seeds), None)
    while not buffers.full:
        action = policy.act(envs.observation)
        step = envs.step(action)
        buffers.add(every_lane, step.frames, action)
        if len(step.ended):
            buffers.add(step.ended, step.first, None)
            policy.ended(np.isin(every_lane, step.ended))


def with_labels(factory: EnvironmentFactory, labels: Sequence[str] | None) -> EnvironmentFactory:
    """Set the environment's option ``labels``, if it has one, so that it gives these labels."""
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
) -> tuple[FrameEnvs, list[Column]]:
    """Make the lanes, and the columns of their frames."""
    make = functools.partial(factory.make, horizon, **({"render_mode": "rgb_array"} if rendered else {}))
    first = make()
    envs = [first]
    try:
        seen = _frame_space(first, factory.id) if rendered else first.observation_space
        observed = storage_space(seen, factory.id, observed=True)
        spaces = label_spaces_of(first, factory.id, labels)
        columns = [
            Column(OBSERVATION, observed),
            Column(ACTION, storage_space(first.action_space, f"the action of {factory.id}")),
            Column(BEGIN, None),
            *(Column(LABEL + name, space) for name, space in spaces.items()),
        ]
        if factory.is_native and not rendered:
            vector = factory.native_vector(count, horizon)
            first.close()
            return NativeFrameEnvs(vector, tuple(spaces), factory.id), columns
        envs += [make() for _ in range(1, count)]
        return GymnasiumFrameEnvs(envs, spaces, columns[0].shape, factory.id, rendered=rendered), columns
    except BaseException:
        for env in envs:
            env.close()
        raise


def _frame_space(env: Env, name: str) -> gym.Space[Any]:
    """Space of the images that an environment renders."""
    call_environment(name, env.reset, seed=0)
    frame: Any = call_environment(name, env.render)
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3:
        raise ArenaError(f"{name} does not render an rgb_array", "use frames='observation'")
    return gym.spaces.Box(0, 255, frame.shape, np.uint8)


def label_spaces_of(env: Env, name: str, labels: Sequence[str] | None) -> dict[str, gym.Space[Any]]:
    """Space of each label: declared by the environment, or inferred from the first value."""
    inner: Any = env.unwrapped
    declared = getattr(inner, "label_spaces", {})
    wanted = list(declared) if labels is None else list(dict.fromkeys(labels))
    if set(wanted) <= set(declared):
        return {label: storage_space(declared[label], f"the label {label}") for label in wanted}
    _, info = call_environment(name, env.reset, seed=0)
    found = {}
    for label in wanted:
        if label not in info:
            raise missing_label(name, label, info)
        space = (
            declared[label]
            if label in declared
            else inferred_space(info[label], f"the label {label} of {name}")
        )
        found[label] = storage_space(space, f"the label {label}")
    return found
