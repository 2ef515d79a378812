"""Use of an encoder between an environment and an agent: frozen, or trained by the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from arena.agents.base import Needs
from arena.config.options import Between
from arena.environments.spaces import BOX
from arena.errors import ArenaError
from arena.experiments.encoder_reference import EncoderReference

if TYPE_CHECKING:
    from pathlib import Path

    from arena.encoders.base import Encoder
    from arena.encoders.standardization import CodeStandardization

__all__ = ["EncoderUse", "EncoderUseOptions"]

Mode = Literal["frozen", "finetune", "joint"]


@dataclass(frozen=True)
class EncoderUseOptions:
    """Options of an agent's use of an encoder."""

    mode: Mode = "frozen"
    """Training of the encoder: "frozen", no training; "finetune", with the agent's loss; "joint", with the sum of the
    agent's loss and the encoder's own loss."""

    loss_weight: Annotated[float, Between(0, None)] = 1.0
    """Weight of the encoder's own loss in mode "joint", at least 0; the agent's loss has weight 1."""

    standardize: bool = True
    """Standardization of codes: shift and scale to mean 0 and mean square 1 over frames of the fit."""


@dataclass(frozen=True)
class EncoderUse(EncoderUseOptions, EncoderReference):
    """Encoder of an experiment, and how the agent uses it."""

    argument: ClassVar[str] = "encoder"
    use: ClassVar[type[Any]] = EncoderUseOptions

    def check_use(self) -> None:
        if self.mode == "frozen" and self.start is None:
            raise ArenaError(
                f"{self.name} is not fitted yet, and a frozen encoder does not learn",
                f"run `arena fit {self.name} ENV` first and give its run, or use --encoder.mode joint",
            )

    def check(self, encoder: Encoder, name: str) -> None:
        from arena.encoders.base import Encodes, PartialFit, Remembers  # which need torch

        self.check_use()
        if not isinstance(encoder, Encodes):
            raise ArenaError(
                f"{name} does not encode observations",
                "choose an encoder that encodes: see `arena list encoders`",
            )
        if self.mode != "frozen" and isinstance(encoder, Remembers):
            raise ArenaError(
                f"{name} is recurrent, and agents do not train encoders on sequences",
                "use --encoder.mode frozen",
            )
        if self.mode == "joint" and encoder.required_labels:
            raise ArenaError(
                f"{name} learns from labels ({', '.join(encoder.required_labels)}), which an agent does not have",
                "use --encoder.mode finetune",
            )
        if self.start is None and isinstance(encoder, PartialFit):
            raise ArenaError(
                f"{name} learns from a data set of frames, not from an agent's experience",
                "fit it first with `arena fit`",
            )

    @classmethod
    def refuse_agent(cls, needs: Needs, agent: str) -> None:
        if BOX not in needs.observations or needs.model:
            raise ArenaError(
                f"{agent} does not take arrays, such as an encoder's codes", "choose dqn, ppo or another"
            )

    def refuse_misfit(self, needs: Needs, agent: str) -> None:
        if self.mode != "frozen" and not needs.features:
            raise ArenaError(
                f"{agent} cannot train an encoder", "use --encoder.mode frozen, or choose another agent"
            )

    def scale(self, folder: Path) -> CodeStandardization | None:
        """Standardization of the codes from the fit's snapshot in a folder; None if codes are unchanged."""
        from arena.encoders.standardization import CodeStandardization

        if self.start is None or not self.standardize:
            return None
        state = self.start.load(folder)
        with self.loading(folder):
            return CodeStandardization.from_snapshot(state)

    @classmethod
    def identity_of(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **super().identity_of(fields),
            "loss_weight": fields["loss_weight"] if fields["mode"] == "joint" else None,
            "standardize": fields["standardize"] if fields["start"] else None,
        }
