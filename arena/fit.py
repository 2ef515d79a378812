"""What to fit: an encoder, frames, and everything that decides the outcome; an `Experiment` like an agent's."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from arena.arguments import a_device, some_seeds, some_trackers, the_first, whole
from arena.config import Between, Positive, asdict, coerce
from arena.errors import ArenaError, unknown
from arena.experiment import Experiment
from arena.frames.spaces import from_json, to_json
from arena.plugins import get_plugins
from arena.random import Generators

if TYPE_CHECKING:
    import gymnasium as gym

    from arena.encoder import Encoder
    from arena.frames import Frames
    from arena.run import Run
    from arena.setup import Setup
    from arena.specs import EncoderSpec

__all__ = ["Data", "Fit", "FitOptions"]

#: The arguments of `Fit.create` that say how frames are collected.
COLLECTING = ("policy", "num_envs", "labels", "explore", "horizon", "wrappers")


@dataclass(frozen=True)
class FitOptions:
    """How an encoder is fitted, whichever it is."""

    batch_size: Annotated[int, Between(1, None)] = 64
    """Frames of an update."""

    learning_rate: Annotated[float, Positive] = 1e-3
    """Adam's learning rate."""

    holdout: Annotated[float, Between(0, 1, open_low=True, open_high=True)] = 0.1
    """The share of episodes, or of frames without order, that is kept for evaluation."""

    sequence_length: Annotated[int, Between(1, None)] = 16
    """Consecutive frames that an encoder learns from together if it remembers; `batch_size` counts such sequences."""


@dataclass(frozen=True)
class Data:
    """A data set that a fit is from: where it was, and what makes it again.

    Attributes:
        source: what `arena.frames.open_source` takes.
        options: its options.
        folder: where it was when it was first read.
        digest: of its contents; part of the id of a run.
        observation: the space of one observation, as JSON has it.
        labels: that of each label.
        name: what the name of a run's folder calls it; empty for an environment.
    """

    source: str
    options: Mapping[str, Any]
    folder: str
    digest: str
    observation: Any
    labels: Mapping[str, Any]
    name: str = ""

    @classmethod
    def of(cls, source: str, **options: Any) -> Data:
        """Collects, reads or opens it."""
        from arena.frames.sources import collects, open_source

        frames = open_source(source, **options)
        labels = {name: to_json(space) for name, space in frames.label_spaces.items()}
        space = to_json(frames.observation_space)
        name = "" if collects(source) else Path(source).stem
        return cls(source, options, str(frames.folder), frames.digest, space, labels, name)

    @property
    def space(self) -> gym.Space[Any]:
        """Of one observation."""
        return from_json(self.observation)

    @property
    def label_spaces(self) -> dict[str, gym.Space[Any]]:
        """Of each label."""
        return {name: from_json(space) for name, space in self.labels.items()}

    def open(self) -> Frames:
        """The frames, made again where they have gone.

        Raises:
            ArenaError: they cannot be had any more, or have changed.
        """
        from arena.frames import Frames, open_source
        from arena.frames.columns import HEADER

        folder = Path(self.folder)
        if not (folder / HEADER).exists() and folder == Path(self.source):
            raise ArenaError(f"the frames of the fit are gone: {folder}", "put them back")
        frames = Frames(folder) if (folder / HEADER).exists() else open_source(self.source, **self.options)
        if frames.digest != self.digest:
            raise ArenaError(
                f"{frames.folder} holds other frames than those of the fit", "restore them, or fit anew"
            )
        return frames


@dataclass(frozen=True)
class Fit(Experiment):
    """The fit of an encoder; with a seed it is a run.

    What an `Experiment` says of an agent it says of an encoder, and of an environment of whatever frames come from.
    Steps are updates.

    Use `Fit.create`.

    Attributes:
        data: the frames.
        options: how it is fitted: the fields of `FitOptions`.
    """

    data: Data | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def create(  # type: ignore[override]
        cls,
        encoder: str,
        source: str,
        *,
        encoder_options: Mapping[str, object] | None = None,
        env_options: Mapping[str, object] | None = None,
        frames: int | None = None,
        data: Data | None = None,
        steps: int | None = None,
        seeds: int | Sequence[int] | None = None,
        evaluate_every: int | None = None,
        log_every: int | None = None,
        device: str = "cpu",
        threads: int = 1,
        trackers: str | Sequence[str] | None = None,
        **further: Any,
    ) -> Fit:
        """Collects frames unless they are there, and fills in what is not given from the encoder's preset.

        Args:
            encoder: its name.
            source: an environment's id, or what else `arena.frames.open_source` reads, such as ``digits``.
            encoder_options: hyperparameters that differ from the preset's.
            env_options: options of the environment.
            frames: how many to collect.
            data: the frames, where they are known already.
            steps: updates.
            seeds: how many seeds (0, 1, …), or which.
            evaluate_every: updates between evaluations on what is held out.
            log_every: updates between lines of metrics.
            device: where torch modules live.
            threads: cores that torch and BLAS use.
            trackers: where metrics are also written.
            further: fields of `FitOptions`; ``policy``, ``num_envs``, ``labels``, ``explore``, ``horizon`` and
                ``wrappers`` of `arena.frames.collect`; ``size`` of pictures, ``observation`` and ``bounds`` of arrays.

        Raises:
            ArenaError: unknown names, values out of range, frames or labels that the encoder cannot take.
        """
        spec = get_plugins().encoders[encoder]
        preset = spec.preset(source)
        names = {f.name for f in dataclasses.fields(FitOptions)}
        fitting = {name: further.pop(name) for name in names & further.keys()}
        kind = encoder_class_of(spec)
        chosen = {**preset.options, **(encoder_options or {})}
        config = coerce(kind.Config, chosen, where="encoder", owner=spec.name)
        if data is None:
            told = {**preset.env, **(env_options or {})}
            data = Data.of(source, **reading_of(source, frames, kind.requested_labels(config), told, further))
        steps = whole("steps", the_first(steps, preset.steps, 5_000))
        every = whole("evaluate-every", the_first(evaluate_every, max(1, steps // 20)))
        fit = cls(
            agent=spec.name,
            agent_options=asdict(config),
            env=source,
            env_options=dict(data.options.get("env_options") or {}),
            wrappers=tuple(data.options.get("wrappers", ())),
            num_envs=1,
            steps=steps,
            seeds=some_seeds(the_first(seeds, preset.seeds, 1)),
            horizon=1,
            episodes=1,
            evaluate_every=every,
            log_every=whole("log-every", the_first(log_every, max(1, every // 10))),
            device=a_device(device),
            threads=whole("threads", threads),
            trackers=some_trackers(trackers),
            data=data,
            options=asdict(coerce(FitOptions, fitting, where="fit", owner="arena fit")),
        )
        with Generators(0).lent("agent"):
            _ = fit.encoder()  # refuses frames or labels that it cannot take
        return fit

    @functools.cached_property
    def spec(self) -> EncoderSpec:  # type: ignore[override]
        """The encoder's spec."""
        return get_plugins().encoders[self.agent]

    @functools.cached_property
    def agent_class(self) -> type[Encoder]:  # type: ignore[override]
        """The encoder's class."""
        return encoder_class_of(self.spec)

    @property
    def frames(self) -> Data:
        """The data set."""
        assert self.data is not None, "create gives one"
        return self.data

    def encoder(self) -> Encoder:
        """A fresh one, its weights drawn from torch's global generator."""
        return self.agent_class(self.frames.space, self.config(), self.frames.label_spaces)

    def config(self) -> Any:
        return coerce(self.agent_class.Config, self.agent_options, where="encoder", owner=self.agent)

    def set_up(self, run: Run, generators: Generators, *, fresh: bool) -> Setup:
        from arena.fitting import set_up

        return set_up(self, run.seed, generators)

    @property
    def place(self) -> str:
        """Of paths the last part alone: wherever equal frames lie, the run is the same."""
        return self.frames.name or super().place

    @property
    def in_memory(self) -> bool:
        return False

    def id(self, seed: int) -> str:
        identity = {
            "encoder": {"name": self.agent, "options": self.agent_options, "revision": self.spec.revision},
            "frames": self.frames.digest,
            "options": self.options,
            "device": self.device,
            "threads": self.threads,
            "seed": seed,
        }
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        return {
            "encoder": {"name": self.agent, "options": dict(self.agent_options)},
            "frames": dataclasses.asdict(self.frames),
            "fit": dict(self.options),
            "seeds": list(self.seeds),
            "trackers": list(self.trackers),
            **{name: getattr(self, name) for name in PLAIN},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        known = {"encoder", "frames", "fit", "seeds", "trackers", *PLAIN}
        for name in values:
            if name not in known:
                raise unknown("key of a fit", name, known)
        data = Data(**values["frames"])
        encoder = values["encoder"]
        fit = cls.create(
            encoder["name"],
            data.source,
            encoder_options=encoder["options"],
            data=data,
            seeds=values["seeds"],
            trackers=(),
            **values["fit"],
            **{name: values[name] for name in PLAIN},
        )
        # Not checked: a run can be opened where its trackers are not installed.
        return dataclasses.replace(fit, trackers=tuple(values["trackers"]))  # type: ignore[return-value]


#: The fields of a fit that stand in its dictionary as they are.
PLAIN = ("steps", "evaluate_every", "log_every", "device", "threads")


def encoder_class_of(spec: EncoderSpec) -> type[Encoder]:
    """The class that an encoder's spec names.

    Raises:
        ArenaError: it cannot be imported, or is no encoder.
    """
    from arena.encoder import Encoder

    found = spec.load()
    if not (isinstance(found, type) and issubclass(found, Encoder)):
        raise ArenaError(f"{spec.name} ({spec.target}) is no arena.Encoder", "mend or leave out its plugin")
    return found


def reading_of(
    source: str,
    frames: int | None,
    asked: Sequence[str],
    env_options: Mapping[str, Any],
    further: Mapping[str, Any],
) -> dict[str, Any]:
    """The options with which frames are read or collected."""
    from arena.frames.sources import collects

    if not collects(source):
        given = {"frames": frames, "env_options": env_options or None, **further}
        return {name: value for name, value in given.items() if value is not None}
    options = {"n": frames or 10_000, "env_options": dict(env_options), **further}
    labels = list(dict.fromkeys([*asked, *further.get("labels", ())]))
    return {**options, "labels": labels} if labels else options
