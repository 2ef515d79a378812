"""The encoder that an experiment uses: one that a fit left, or one by name that is trained from the start."""

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
from arena.encoders.compatibility import encoder_class_of
from arena.environments.space_json import array_space, from_json
from arena.errors import ArenaError
from arena.experiments.snapshot_reference import SnapshotReference
from arena.plugins.discovery import get_plugins

if TYPE_CHECKING:
    from arena.agents.base import Needs
    from arena.encoders.base import Encoder

__all__ = ["EncoderReference"]


@dataclass(frozen=True)
class EncoderReference(ABC):
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
    start: SnapshotReference | None = None

    @classmethod
    def from_mapping(cls, fields: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Self:
        """The encoder that a run wrote down, with other options on top.

        Raises:
            ArenaError: fields that no run writes, an unknown encoder, or an unknown option.
        """
        use = {**fields}
        name, own, labels = use.pop("name", None), use.pop("options", {}), use.pop("labels", {})
        start = use.pop("start", None)
        if not (isinstance(name, str) and isinstance(own, Mapping) and isinstance(labels, Mapping)):
            raise ArenaError(
                f"{cls.argument} has no name, or odd options",
                "give an encoder's name, or the folder of a fit",
            )
        use_options, given = cls.split_options(options or {})
        used = asdict(coerce(cls.use, {**use, **use_options}, where=cls.argument, owner=f"[{cls.argument}]"))
        kind = encoder_class_of(get_plugins().encoders[name])
        config = coerce(kind.Config, {**own, **given}, where=cls.argument, owner=name)
        begun = None if start is None else SnapshotReference.from_mapping(start)
        chosen = cls(name, asdict(config), labels=labels, start=begun, **used)
        chosen.check_use()
        return chosen

    @classmethod
    def split_options(cls, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Options as those of the encoder's use, and the encoder's own hyperparameters."""
        names = {f.name for f in dataclasses.fields(cls.use)}
        use = {name: value for name, value in options.items() if name in names}
        return use, {name: value for name, value in options.items() if name not in names}

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
            encoder = kind(array_space(space), config, labels)
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
