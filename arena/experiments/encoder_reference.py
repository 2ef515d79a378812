"""Which encoder an experiment has: one that a fit left, or one by name that begins anew."""

from __future__ import annotations

import contextlib
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import gymnasium as gym

from arena.config.options import asdict, coerce
from arena.environments.space_json import from_json, stored
from arena.environments.spaces import described
from arena.errors import ArenaError, unknown
from arena.experiments.fit import Fit, encoder_class_of
from arena.experiments.snapshot_reference import Start, snapshot_of
from arena.plugins.discovery import get_plugins

if TYPE_CHECKING:
    from arena.agents.base import Needs
    from arena.encoders.base import Encoder

__all__ = ["ChosenEncoder", "frames_of", "is_name", "options_of"]


@dataclass(frozen=True)
class ChosenEncoder(ABC):
    """An encoder that an experiment uses; a subclass says what for, with options of its own as further fields.

    Attributes:
        name: the encoder's.
        options: its hyperparameters, as plain values.
        labels: the spaces of the labels that it was fitted with, as JSON has them.
        start: the snapshot of the fit that it comes from; None for one that begins anew in each run.
    """

    #: The argument of `Experiment.create` that names it, and the prefix of its options.
    argument: ClassVar[str]
    #: The dataclass of the options of its use.
    use: ClassVar[type[Any]]

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    start: Start | None = None

    @classmethod
    def of(
        cls, source: str | Path | Mapping[str, Any], options: Mapping[str, Any], space: gym.Space[Any]
    ) -> Self:
        """The encoder that a person names, or that a run remembers.

        Args:
            source: the folder of a fit (``RUN``, ``RUN@best``, ``RUN@2000``), an encoder's name, or the fields of an
                instance.
            options: those of its use; and for a name, the encoder's hyperparameters.
            space: of the environment's observations.

        Raises:
            ArenaError: no such fit or encoder, one of other observations, or one that is of no use here.
        """
        if isinstance(source, Mapping):
            return cls._remembered(source, options)
        if not isinstance(source, str | Path):
            raise ArenaError(
                f"{cls.argument} is {source!r}", "give an encoder's name, or the folder of an `arena fit`"
            )
        told, own = cls._parted(options)
        use = asdict(coerce(cls.use, told, where=cls.argument, owner=f"--{cls.argument}"))
        make = cls._anew if is_name(source) else cls._fitted
        return make(str(source), own, use, space)

    @classmethod
    def _remembered(cls, fields: Mapping[str, Any], options: Mapping[str, Any]) -> Self:
        """The one that a run wrote down, with other options on top."""
        use = {**fields}
        name, own, labels = use.pop("name", None), use.pop("options", {}), use.pop("labels", {})
        start = use.pop("start", None)
        if not (isinstance(name, str) and isinstance(own, Mapping) and isinstance(labels, Mapping)):
            raise ArenaError(
                f"{cls.argument} has no name, or odd options",
                "give an encoder's name, or the folder of a fit",
            )
        told, given = cls._parted(options)
        used = asdict(coerce(cls.use, {**use, **told}, where=cls.argument, owner=f"[{cls.argument}]"))
        kind = encoder_class_of(get_plugins().encoders[name])
        config = coerce(kind.Config, {**own, **given}, where=cls.argument, owner=name)
        begun = None if start is None else Start.remembered(start)
        chosen = cls(name, asdict(config), labels=labels, start=begun, **used)
        chosen.check_use()
        return chosen

    @classmethod
    def _parted(cls, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The options of its use, and the encoder's own."""
        names = {f.name for f in dataclasses.fields(cls.use)}
        told = {name: value for name, value in options.items() if name in names}
        return told, {name: value for name, value in options.items() if name not in names}

    @classmethod
    def _anew(cls, name: str, own: Mapping[str, Any], use: Mapping[str, Any], space: gym.Space[Any]) -> Self:
        kind = encoder_class_of(get_plugins().encoders[name])
        config = coerce(kind.Config, own, where=cls.argument, owner=name)
        chosen = cls(name, asdict(config), **use)
        chosen.check(kind(frames_of(space), config), name)
        return chosen

    @classmethod
    def _fitted(
        cls, source: str, own: Mapping[str, Any], use: Mapping[str, Any], space: gym.Space[Any]
    ) -> Self:
        from arena.runs.run import Run

        path, which = snapshot_of(source)
        run = Run.open(path)
        fit = run.experiment
        if not isinstance(fit, Fit):
            raise ArenaError(f"{path} trained an agent, {fit.agent}", "give the folder of an `arena fit`")
        if own:
            raise ArenaError(f"{path} has its options already, {next(iter(own))} too", "leave it out")
        if fit.frames.space != frames_of(space):
            raise ArenaError(
                f"{path} encodes {described(fit.frames.space)}, and the environment gives {described(space)}",
                "fit an encoder to this environment's frames, or choose its options as they were",
            )
        labels, start = dict(fit.frames.labels), Start.at(run, which)
        chosen = cls(fit.agent, dict(fit.agent_options), labels=labels, start=start, **use)
        chosen.check(fit.encoder(), fit.agent)
        return chosen

    def check_use(self) -> None:
        """Refuses a use that no encoder has; `check` includes it.

        Raises:
            ArenaError: it is such.
        """
        return

    @abstractmethod
    def check(self, encoder: Encoder, name: str) -> None:
        """Refuses an encoder that cannot be used so.

        Raises:
            ArenaError: it cannot.
        """

    @classmethod
    @abstractmethod
    def refuse_agent(cls, needs: Needs, agent: str) -> None:
        """Refuses an agent that can use none.

        Raises:
            ArenaError: it cannot.
        """

    def refuse_misfit(self, needs: Needs, agent: str) -> None:
        """Refuses an agent that cannot use it so; `refuse_agent` has been asked.

        Raises:
            ArenaError: it cannot.
        """
        return

    def identity(self) -> dict[str, Any]:
        """What tells it from others, for a run's id."""
        return {
            **{f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "labels"},
            "revision": get_plugins().encoders[self.name].revision,
            "start": self.start and self.start.digest,
        }

    def build(self, space: gym.Space[Any], folder: Path) -> Encoder:
        """The encoder, as the fit left it, or anew from torch's global generator.

        Args:
            space: of the environment's observations.
            folder: where the run keeps the fit's snapshot.

        Raises:
            ArenaError: the snapshot is missing, damaged, or of another version.
        """
        kind = encoder_class_of(get_plugins().encoders[self.name])
        state = None if self.start is None else self.start.load(folder)
        config = coerce(kind.Config, self.options, where=self.argument, owner=self.name)
        with self._taken(folder):
            labels = {name: from_json(label) for name, label in self.labels.items()}
            encoder = kind(frames_of(space), config, labels)
            if state is not None:
                encoder.load_state_dict(state["encoder"])
        return encoder

    @contextlib.contextmanager
    def _taken(self, folder: Path) -> Iterator[None]:
        """Turns what a state of another layout makes an encoder raise into one line."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            problem = " ".join(str(error).split())[:200]
            raise ArenaError(
                f"{folder} holds no {self.name} that this version takes: {problem}",
                "use the versions in the run.json, or fit and train anew",
            ) from error


def is_name(source: str | Path) -> bool:
    """Whether that is an encoder's name, and no run.

    Raises:
        ArenaError: it is neither, nor a path.
    """
    if snapshot_of(source)[0].exists() or Path(source).name != str(source):
        return False
    encoders = get_plugins().encoders
    if str(source) not in encoders:
        raise unknown(
            "encoder or run", str(source), encoders, "see `arena list encoders`, or give a run's folder"
        )
    return True


def options_of(source: Any, chosen: type[ChosenEncoder]) -> type[Any]:
    """The dataclass of what can be said of an encoder: its use, and of a name its hyperparameters.

    Raises:
        ArenaError: it is neither a name nor a run.
    """
    if isinstance(source, Mapping) or not is_name(source):
        return chosen.use
    kind = encoder_class_of(get_plugins().encoders[str(source)])
    return dataclasses.make_dataclass("Options", [], bases=(kind.Config, chosen.use), frozen=True)


def frames_of(space: gym.Space[Any]) -> gym.spaces.Box:
    """The space of an environment's observations as data sets have it.

    Raises:
        ArenaError: they are no arrays.
    """
    if not isinstance(space, gym.spaces.Box):
        raise ArenaError(
            f"an encoder takes arrays, and the environment gives {described(space)}", "choose pixels"
        )
    kept = stored(space, "the observation", observed=True)
    assert isinstance(kept, gym.spaces.Box)
    return kept
