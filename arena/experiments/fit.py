"""What an encoder is fitted to: the encoder, the frames, and everything that decides the outcome."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

from arena.config.options import Between, Positive, asdict, coerce
from arena.encoders.compatibility import encoder_class_of
from arena.errors import unknown_name
from arena.experiments.data_reference import DataReference
from arena.experiments.training_spec import TrainingSpec, common_fields
from arena.plugins.discovery import get_plugins
from arena.random.generators import Generators

if TYPE_CHECKING:
    from arena.encoders.base import Encoder
    from arena.plugins.specs import EncoderSpec

__all__ = ["Fit", "FitOptions"]


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
    """The fit of an encoder to frames.

    Use `arena.frames.fits.resolve_fit`, which also collects or reads the frames, or `Fit.create`.

    Attributes:
        data: the frames.
        fitting: how the encoder is fitted: the fields of `FitOptions`.
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
        steps: int | None = None,
        seeds: int | Sequence[int] | None = None,
        evaluate_every: int | None = None,
        log_every: int | None = None,
        device: str = "cpu",
        threads: int = 1,
        trackers: str | Sequence[str] | None = None,
        **fitting: Any,
    ) -> Self:
        """Fills in what is not given from the encoder's preset for the source of the frames, and then from defaults.

        Args:
            encoder: its name.
            data: the frames.
            encoder_options: hyperparameters that differ from the preset's.
            steps: updates.
            seeds: how many seeds (0, 1, …), or which.
            evaluate_every: updates between evaluations on the held-out frames.
            log_every: updates between lines of metrics.
            device: where torch modules live.
            threads: cores that torch and BLAS use.
            trackers: where metrics are also written.
            fitting: fields of `FitOptions`.

        Raises:
            ArenaError: unknown names, values out of range, frames or labels that the encoder cannot take.
        """
        spec = get_plugins().encoders[encoder]
        preset = spec.preset(data.source)
        kind = encoder_class_of(spec)
        config = coerce(
            kind.Config, {**preset.options, **(encoder_options or {})}, where="encoder", owner=spec.name
        )
        fit = cls(
            name=spec.name,
            options=asdict(config),
            data=data,
            fitting=asdict(coerce(FitOptions, fitting, where="fit", owner="arena fit")),
            **common_fields(
                preset,
                steps=steps,
                default_steps=5_000,
                seeds=seeds,
                evaluate_every=evaluate_every,
                log_every=log_every,
                device=device,
                threads=threads,
                trackers=trackers,
            ),
        )
        with Generators(0).lent("agent"):
            _ = fit.build_encoder()  # refuses frames or labels that it cannot take
        return fit

    @functools.cached_property
    def plugin(self) -> EncoderSpec:
        """The encoder's spec."""
        return get_plugins().encoders[self.name]

    @functools.cached_property
    def learner_class(self) -> type[Encoder]:
        """The encoder's class."""
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
        """Of paths the last part alone: wherever equal frames lie, the run is the same."""
        return self.data.name or self.source.replace("/", "-").replace(":", "-")

    @property
    def in_memory(self) -> bool:
        return False

    def build_encoder(self) -> Encoder:
        """A new encoder, its weights drawn from torch's global generator."""
        return self.learner_class(self.data.space, self.config(), self.data.label_spaces)

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


#: The fields of a fit that stand in its dictionary as they are.
PLAIN = ("steps", "evaluate_every", "log_every", "device", "threads")
