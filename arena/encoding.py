"""An encoder between an environment and an agent: frozen in the stream, or trained inside the agent."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from arena.config import asdict, coerce
from arena.distributions import mode
from arena.encoder import Batch, Encoder, Encodes
from arena.errors import ArenaError
from arena.fit import Fit, encoder_class_of
from arena.frames.spaces import from_json, stored
from arena.plugins import get_plugins
from arena.spaces import View, described
from arena.start import Start, snapshot_of

if TYPE_CHECKING:
    pass

__all__ = ["Features", "Latent", "Perception", "PerceptionOptions", "options_of"]

Array = npt.NDArray[Any]
Mode = Literal["frozen", "finetune", "joint"]

#: Observations that are encoded in one call: always so many, so that a code does not depend on how many there are.
ROWS = 32


@dataclass(frozen=True)
class PerceptionOptions:
    """How an agent uses an encoder, whichever it is."""

    mode: Mode = "frozen"
    """Whether the agent sees codes ("frozen"), or trains the encoder for its own ends ("finetune"), or for these and
    the encoder's own loss together ("joint")."""

    weight: float = 1.0
    """What the encoder's own loss counts when they are trained together."""


@dataclass(frozen=True)
class Perception:
    """The encoder of an experiment.

    Attributes:
        name: the encoder's.
        options: its hyperparameters, as plain values.
        mode: how the agent uses it.
        weight: of its own loss.
        labels: the spaces of the labels that it was fitted with, as JSON has them.
        start: the snapshot of the fit that it comes from; None for one that begins anew in each run.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode = "frozen"
    weight: float = 1.0
    labels: Mapping[str, Any] = field(default_factory=dict)
    start: Start | None = None

    @classmethod
    def of(
        cls, source: str | Path | Mapping[str, Any], options: Mapping[str, Any], space: gym.Space[Any]
    ) -> Perception:
        """The encoder that a person names, or that a run remembers.

        Args:
            source: the folder of a fit (``RUN``, ``RUN@best``, ``RUN@2000``), an encoder's name, or the fields of a
                `Perception`.
            options: fields of `PerceptionOptions`; and for a name, of the encoder's hyperparameters.
            space: of the environment's observations.

        Raises:
            ArenaError: no such fit or encoder, or one of other observations.
        """
        if isinstance(source, Mapping):
            start = source.get("start")
            return cls(**{**source, "start": None if start is None else Start.remembered(start)})
        names = set(PerceptionOptions.__dataclass_fields__)
        use = coerce(
            PerceptionOptions,
            {k: v for k, v in options.items() if k in names},
            where="encoder",
            owner="--encoder",
        )
        own = {k: v for k, v in options.items() if k not in names}
        if str(source) in get_plugins().encoders and not Path(source).exists():
            return cls._anew(str(source), own, use, space)
        return cls._fitted(source, own, use, space)

    @classmethod
    def _anew(
        cls, name: str, own: Mapping[str, Any], use: PerceptionOptions, space: gym.Space[Any]
    ) -> Perception:
        if use.mode == "frozen":
            raise ArenaError(
                f"{name} has learned nothing yet, and frozen it never would",
                f"`arena fit {name} ENV` first and give its run, or say --encoder.mode joint",
            )
        kind = encoder_class_of(get_plugins().encoders[name])
        config = coerce(kind.Config, own, where="encoder", owner=name)
        _usable(kind(_frames_of(space), config), name)
        return cls(name, asdict(config), use.mode, use.weight)

    @classmethod
    def _fitted(
        cls, source: str | Path, own: Mapping[str, Any], use: PerceptionOptions, space: gym.Space[Any]
    ) -> Perception:
        from arena.run import Run

        path, which = snapshot_of(source)
        run = Run.open(path)
        fit = run.experiment
        if not isinstance(fit, Fit):
            raise ArenaError(f"{path} trained an agent, {fit.agent}", "give the folder of an `arena fit`")
        if own:
            raise ArenaError(f"{path} has its options already, {next(iter(own))} too", "leave it out")
        if fit.frames.space != _frames_of(space):
            raise ArenaError(
                f"{path} encodes {described(fit.frames.space)}, and the environment gives {described(space)}",
                "fit an encoder to this environment's frames, or choose its options as they were",
            )
        _usable(fit.encoder(), fit.agent)
        labels = dict(fit.frames.labels)
        return cls(fit.agent, dict(fit.agent_options), use.mode, use.weight, labels, Start.at(run, which))

    def identity(self) -> dict[str, Any]:
        """What tells it from others, for a run's id."""
        return {
            "name": self.name,
            "options": dict(self.options),
            "mode": self.mode,
            "weight": self.weight if self.mode == "joint" else None,
            "revision": get_plugins().encoders[self.name].revision,
            "start": self.start and self.start.digest,
        }

    def build(self, space: gym.Space[Any], folder: Path) -> Encoder:
        """The encoder, as the fit left it, or anew from torch's global generator.

        Args:
            space: of the environment's observations.
            folder: where the run keeps the fit's snapshot.
        """
        kind = encoder_class_of(get_plugins().encoders[self.name])
        state = None if self.start is None else self.start.load(folder)
        config = coerce(kind.Config, self.options, where="encoder", owner=self.name)
        labels = {name: from_json(label) for name, label in self.labels.items()}
        encoder = kind(_frames_of(space), config, labels)
        if state is not None:
            encoder.load_state_dict(state["encoder"])
        return encoder


class Latent(View):
    """Observations as an encoder's codes: the mode of each.

    Codes are made so many at a time, however many there are, with the last ones repeated: what an observation's code is
    does not depend on when it is asked for.

    Args:
        encoder: which `Encodes`.
        inner: the space of the environment's observations.
        device: where the encoder lives.
    """

    def __init__(self, encoder: Encoder, inner: gym.Space[Any], device: str) -> None:
        assert isinstance(encoder, Encodes), "Perception refuses others"
        self.encoder, self.inner, self.outer = encoder.eval(), inner, encoder.latent
        self._kind = _frames_of(inner).dtype
        self._device = device

    def encode(self, batch: Any) -> Array:
        assert isinstance(self.encoder, Encodes)
        rows = np.ascontiguousarray(batch, dtype=self._kind)
        codes = np.empty((len(rows), *(self.outer.shape or ())), np.float32)
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            full = part if len(part) == ROWS else np.resize(part, (ROWS, *part.shape[1:]))
            with torch.no_grad():
                code = mode(self.encoder.encode(torch.from_numpy(full).to(self._device)))
            codes[start : start + ROWS] = code[: len(part)].cpu().numpy()
        return codes

    def decode(self, array: Array) -> Any:
        raise TypeError("a code is no observation")


class Features(nn.Module):
    """An encoder inside an agent: observations to the mode of their codes, with gradient.

    Trained jointly, the encoder's own loss goes along: whoever goes back through the features goes down that loss as
    well, and need not know of it.

    Args:
        encoder: which `Encodes`.
        weight: of its loss, or None to leave that out.

    Attributes:
        width: numbers of a code.
    """

    def __init__(self, encoder: Encoder, weight: float | None) -> None:
        super().__init__()
        assert isinstance(encoder, Encodes), "Perception refuses others"
        self.encoder, self.weight = encoder, weight
        self.width = int(np.prod(encoder.latent.shape))

    def forward(self, observation: Tensor) -> Tensor:
        """Shape (batch, *space.shape) to (batch, width)."""
        assert isinstance(self.encoder, Encodes)
        code = mode(self.encoder.encode(observation)).flatten(1)
        if self.weight is None or not torch.is_grad_enabled():
            return code
        loss = self.encoder.loss(Batch(observation))
        together: Tensor = _Along.apply(code, self.weight * loss)  # type: ignore[no-untyped-call]
        return together


class _Along(torch.autograd.Function):
    """The first argument, unchanged; its backward pass begins one from the second as well."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, loss: Tensor) -> Tensor:
        ctx.like = loss
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        return gradients[0], torch.ones_like(ctx.like)


def options_of(source: Any) -> type[Any]:
    """The dataclass of what can be said of an encoder: its use, and of a name its hyperparameters."""
    if str(source) not in get_plugins().encoders:
        return PerceptionOptions
    kind = encoder_class_of(get_plugins().encoders[str(source)])
    return dataclasses.make_dataclass("Options", [], bases=(kind.Config, PerceptionOptions), frozen=True)


def _frames_of(space: gym.Space[Any]) -> gym.spaces.Box:
    """The space of an environment's observations as data sets have it."""
    if not isinstance(space, gym.spaces.Box):
        raise ArenaError(
            f"an encoder takes arrays, and the environment gives {described(space)}", "choose pixels"
        )
    kept = stored(space, "the observation", observed=True)
    assert isinstance(kept, gym.spaces.Box)
    return kept


def _usable(encoder: Encoder, name: str) -> None:
    if not isinstance(encoder, Encodes):
        raise ArenaError(
            f"{name} gives no codes that an agent could see",
            "choose one that `arena list encoders` says encodes",
        )
