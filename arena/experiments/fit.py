"""Fit: an encoder, a data set of frames, and everything that decides the result of fitting."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

from arena.config.options import Between, Positive, asdict, coerce
from arena.encoders.compatibility import encoder_class_of
from arena.errors import unknown_name
from arena.experiments.data_reference import DataReference
from arena.experiments.tensor_memory import counted_tensors
from arena.experiments.training_spec import CommonSettings, TrainingSpec, common_fields
from arena.plugins.discovery import get_plugins
from arena.random.generators import Generators

if TYPE_CHECKING:
    from arena.encoders.base import Encoder
    from arena.plugins.specs import EncoderSpec

__all__ = ["SETTINGS", "Fit", "FitOptions"]

#: Names of the settings that a fit has in common with an experiment.
SETTINGS = tuple(CommonSettings.__annotations__)


@dataclass(frozen=True)
class FitOptions:
    """Options of fitting that every encoder has."""

    batch_size: Annotated[int, Between(1, None)] = 64
    """Number of frames in an update, or of sequences where the encoder is recurrent."""

    learning_rate: Annotated[float, Positive] = 1e-3
    """Adam's learning rate; larger values learn faster, and diverge when too large."""

    holdout: Annotated[float, Between(0, 1, open_low=True, open_high=True)] = 0.1
    """Fraction of the episodes (of the frames, where these are unordered) that is held out for evaluation."""

    sequence_length: Annotated[int, Between(1, None)] = 16
    """Number of consecutive frames in a training sequence of a recurrent encoder."""


@dataclass(frozen=True, kw_only=True)
class Fit(TrainingSpec):
    """Fit of an encoder to frames.

    Use `arena.frames.fits.resolve_fit`, which also collects or reads the frames, or `Fit.create`.

    Attributes:
        data: reference to the frames.
        fitting: fields of `FitOptions`.
    """

    data: DataReference
    fitting: Mapping[str, Any]

    @classmethod
    def create(
        cls,
        encoder: str,
        data: DataReference,
        *,
        encoder_options: Mapping[str, object] | None = None,
        **settings: Any,
    ) -> Self:
        """Make a fit; missing values come from the encoder's preset for the source of the frames, then from defaults.

        Args:
            encoder: name of the encoder.
            data: reference to the frames.
            encoder_options: hyperparameters that differ from the preset's.
            settings: `CommonSettings`, where steps are updates, and fields of `FitOptions`.

        Raises:
            ArenaError: a name is unknown, a value is out of range, or the encoder does not take the frames or labels.
        """
        spec = get_plugins().encoders[encoder]
        preset = spec.preset(data.source)
        kind = encoder_class_of(spec)
        config = coerce(
            kind.Config, {**preset.options, **(encoder_options or {})}, where="encoder", owner=spec.name
        )
        common: Any = {name: settings.pop(name) for name in SETTINGS if name in settings}
        fit = cls(
            name=spec.name,
            options=asdict(config),
            data=data,
            fitting=asdict(coerce(FitOptions, settings, where="fit", owner="arena fit")),
            **common_fields(preset, 5_000, common),
        )
        with Generators(0).lent("agent"):
            _ = fit.build_encoder()  # refuses unsuitable frames or labels
        return fit

    @functools.cached_property
    def plugin(self) -> EncoderSpec:
        """Spec of the encoder."""
        return get_plugins().encoders[self.name]

    @functools.cached_property
    def learner_class(self) -> type[Encoder]:
        """Class of the encoder."""
        return encoder_class_of(self.plugin)

    @property
    def source(self) -> str:
        return self.data.source

    @property
    def env_options(self) -> dict[str, Any]:
        return self.data.env_options

    @property
    def wrappers(self) -> tuple[str, ...]:
        return tuple(self.data.options.get("wrappers", ()))

    @property
    def folder_part(self) -> str:
        """Last part of a path only, so that the run does not depend on the location of equal frames."""
        return self.data.name or self.source.replace("/", "-").replace(":", "-")

    @property
    def in_memory(self) -> bool:
        return False

    def build_encoder(self) -> Encoder:
        """Make a new encoder; its weights are drawn from torch's global generator."""
        config = self.config()
        with counted_tensors(self.device):
            return self.learner_class(self.data.space, config, self.data.label_spaces)

    def config(self) -> Any:
        return coerce(self.learner_class.Config, self.options, where="encoder", owner=self.name)

    def identity(self) -> dict[str, Any]:
        return {
            "encoder": {"name": self.name, "options": self.options, "revision": self.plugin.revision},
            "frames": self.data.digest,
            "options": self.fitting,
            "device": self.device,
            "threads": self.threads,
        }

    def settings(self) -> dict[tuple[str, str], Any]:
        found: dict[tuple[str, str], Any] = {("agent", name): value for name, value in self.options.items()}
        found |= {("agent", name): value for name, value in self.fitting.items()}
        found |= {("agent", name): getattr(self, name) for name in ("device", "threads")}
        return found | {("env", name): value for name, value in self.env_options.items()}

    def to_dict(self) -> dict[str, Any]:
        return {
            "encoder": {"name": self.name, "options": dict(self.options)},
            "frames": dataclasses.asdict(self.data),
            "fit": dict(self.fitting),
            "seeds": list(self.seeds),
            "trackers": list(self.trackers),
            **{name: getattr(self, name) for name in PLAIN},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        known = {"encoder", "frames", "fit", "seeds", "trackers", *PLAIN}
        for name in values:
            if name not in known:
                raise unknown_name("key of a fit", name, known)
        encoder = values["encoder"]
        fit = cls.create(
            encoder["name"],
            DataReference(**values["frames"]),
            encoder_options=encoder["options"],
            seeds=values["seeds"],
            trackers=(),
            **values["fit"],
            **{name: values[name] for name in PLAIN},
        )
        # Not checked: a run can be opened where its trackers are not installed.
        return dataclasses.replace(fit, trackers=tuple(values["trackers"]))


#: Fields of a fit that are copied to its dictionary.
PLAIN = ("steps", "evaluate_every", "log_every", "device", "threads")
