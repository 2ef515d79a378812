"""An encoder between an environment and an agent: frozen in the stream, or trained inside the agent."""

from __future__ import annotations

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
    """How an agent uses an encoder, whichever it is."""

    mode: Mode = "frozen"
    """Whether the agent sees codes ("frozen"), or trains the encoder for its own ends ("finetune"), or for these and
    the encoder's own loss together ("joint")."""

    loss_weight: Annotated[float, Between(0, None)] = 1.0
    """What the encoder's own loss counts when they are trained together."""

    standardize: bool = True
    """Whether codes are shifted and scaled to mean 0 and mean square 1 over frames of the fit, which suits networks."""


@dataclass(frozen=True)
class EncoderUse(EncoderUseOptions, EncoderReference):
    """The encoder of an experiment, and how the agent uses it."""

    argument: ClassVar[str] = "encoder"
    use: ClassVar[type[Any]] = EncoderUseOptions

    def check_use(self) -> None:
        if self.mode == "frozen" and self.start is None:
            raise ArenaError(
                f"{self.name} has learned nothing yet, and frozen it never would",
                f"`arena fit {self.name} ENV` first and give its run, or say --encoder.mode joint",
            )

    def check(self, encoder: Encoder, name: str) -> None:
        from arena.encoders.base import Encodes, PartialFit, Remembers  # which need torch

        self.check_use()
        if not isinstance(encoder, Encodes):
            raise ArenaError(
                f"{name} gives no codes that an agent could see",
                "choose one that `arena list encoders` says encodes",
            )
        if self.mode != "frozen" and isinstance(encoder, Remembers):
            raise ArenaError(
                f"{name} remembers, and agents train no encoder along sequences", "say --encoder.mode frozen"
            )

        if self.mode == "joint" and encoder.required_labels:
            raise ArenaError(
                f"{name} learns from labels ({', '.join(encoder.required_labels)}), which no agent is told",
                "say --encoder.mode finetune",
            )
        if self.start is None and isinstance(encoder, PartialFit):
            raise ArenaError(
                f"{name} learns by absorbing frames, which no agent gives it", "`arena fit` it first"
            )

    @classmethod
    def refuse_agent(cls, needs: Needs, agent: str) -> None:
        if BOX not in needs.observations or needs.model:
            raise ArenaError(
                f"{agent} takes no arrays, which an encoder's codes are", "choose dqn, ppo or another"
            )

    def refuse_misfit(self, needs: Needs, agent: str) -> None:
        if self.mode != "frozen" and not needs.features:
            raise ArenaError(
                f"{agent} trains no encoder", "say --encoder.mode frozen, or choose another agent"
            )

    def scale(self, folder: Path) -> CodeStandardization | None:
        """How codes are shifted and scaled; None where they are left alone.

        Args:
            folder: where the run keeps the fit's snapshot.
        """
        from arena.encoders.standardization import CodeStandardization

        if self.start is None or not self.standardize:
            return None
        state = self.start.load(folder)
        with self._taken(folder):
            return CodeStandardization.from_snapshot(state)

    def identity(self) -> dict[str, Any]:
        return {
            **super().identity(),
            "loss_weight": self.loss_weight if self.mode == "joint" else None,
            "standardize": self.standardize if self.start else None,
        }
