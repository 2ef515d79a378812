"""Reference to the encoder of an experiment: the result of a fit, or a new encoder that is trained in the run."""

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
from arena.errors import ArenaError, one_line
from arena.experiments.snapshot_reference import SnapshotReference
from arena.experiments.tensor_memory import counted_tensors
from arena.plugins.discovery import get_plugins

if TYPE_CHECKING:
    from arena.agents.base import Needs
    from arena.encoders.base import Encoder

__all__ = ["EncoderReference"]


@dataclass(frozen=True)
class EncoderReference(ABC):
    """Base class of the encoders of an experiment; a subclass has the options of its use as further fields.

    Attributes:
        name: name of the encoder.
        options: hyperparameters, as plain values.
        labels: spaces of the labels of the fit, as JSON.
        start: snapshot of a fit; None for a new encoder in each run.
    """

    #: Name of the argument of `Experiment.create`, and prefix of the options.
    argument: ClassVar[str]
    #: Dataclass of the options of the use.
    use: ClassVar[type[Any]]

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    start: SnapshotReference | None = None

    @classmethod
    def from_mapping(cls, fields: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Self:
        """Make a reference from the values in a ``run.json``, updated with other options.

        Raises:
            ArenaError: the values are malformed, or the encoder or an option is unknown.
        """
        use = {**fields}
        name, own, labels = use.pop("name", None), use.pop("options", {}), use.pop("labels", {})
        start = use.pop("start", None)
        if not (isinstance(name, str) and isinstance(own, Mapping) and isinstance(labels, Mapping)):
            raise ArenaError(
                f"{cls.argument} has no name, or its options or labels are not tables",
                "give the name of an encoder, or the folder of a fit",
            )
        use_options, given = cls.split_options(options or {})
        used = asdict(coerce(cls.use, {**use, **use_options}, where=cls.argument, owner=f"[{cls.argument}]"))
        kind = encoder_class_of(get_plugins().encoders[name])
        config = coerce(kind.Config, {**own, **given}, where=cls.argument, owner=name)
        snapshot = None if start is None else SnapshotReference.from_mapping(start)
        reference = cls(name, asdict(config), labels=labels, start=snapshot, **used)
        reference.check_use()
        return reference

    @classmethod
    def split_options(cls, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Split options into those of the use, and the encoder's own hyperparameters."""
        names = {f.name for f in dataclasses.fields(cls.use)}
        use = {name: value for name, value in options.items() if name in names}
        return use, {name: value for name, value in options.items() if name not in names}

    def check_use(self) -> None:
        """Refuse a combination of options that no encoder can be used with; `check` includes this check."""
        return

    @abstractmethod
    def check(self, encoder: Encoder, name: str) -> None:
        """Refuse an encoder that cannot be used in this way.

        Raises:
            ArenaError: the encoder lacks an ability, or needs more than an agent gives.
        """

    @classmethod
    @abstractmethod
    def refuse_agent(cls, needs: Needs, agent: str) -> None:
        """Refuse an agent that cannot use any encoder for this purpose."""

    def refuse_misfit(self, needs: Needs, agent: str) -> None:
        """Refuse an agent that cannot use this encoder; called after `refuse_agent`."""
        return

    def identity(self) -> dict[str, Any]:
        """Values that decide the result, for a run's id."""
        return self.identity_of(dataclasses.asdict(self))

    @classmethod
    def identity_of(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Identity of the reference with these plain values, as in a ``run.json``."""
        return {
            **{f.name: fields[f.name] for f in dataclasses.fields(cls) if f.name != "labels"},
            "revision": get_plugins().encoders[fields["name"]].revision,
            "start": fields["start"] and fields["start"]["digest"],
        }

    def build(self, space: gym.Space[Any], folder: Path) -> Encoder:
        """Build the encoder: with the fitted weights, or with new ones from torch's global generator.

        Args:
            space: space of the environment's observations.
            folder: folder of the fit's snapshot in the run.

        Raises:
            ArenaError: the snapshot is missing, damaged, or of another version.
        """
        kind = encoder_class_of(get_plugins().encoders[self.name])
        state = None if self.start is None else self.start.load(folder)
        config = coerce(kind.Config, self.options, where=self.argument, owner=self.name)
        with self.loading(folder):
            labels = {name: from_json(label) for name, label in self.labels.items()}
            with counted_tensors():
                encoder = kind(array_space(space), config, labels)
            if state is not None:
                encoder.load_state_dict(state["encoder"])
        return encoder

    @contextlib.contextmanager
    def loading(self, folder: Path) -> Iterator[None]:
        """Convert the exceptions of loading an incompatible state to an `ArenaError`."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise ArenaError(
                f"{folder} does not fit this version of {self.name}: {one_line(error)[:200]}",
                "install the versions in run.json, or repeat the fit and the training",
            ) from error
