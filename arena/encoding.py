"""An encoder between an environment and an agent: frozen in the stream, or trained inside the agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from arena.agent import BOX, Needs
from arena.chosen import ChosenEncoder
from arena.config import Between
from arena.encoder import Encodes, PartialFit, Remembers
from arena.errors import ArenaError

if TYPE_CHECKING:
    from pathlib import Path

    from arena.code_scale import CodeScale
    from arena.encoder import Encoder

__all__ = ["Perception", "PerceptionOptions"]

Mode = Literal["frozen", "finetune", "joint"]


@dataclass(frozen=True)
class PerceptionOptions:
    """How an agent uses an encoder, whichever it is."""

    mode: Mode = "frozen"
    """Whether the agent sees codes ("frozen"), or trains the encoder for its own ends ("finetune"), or for these and
    the encoder's own loss together ("joint")."""

    loss_weight: Annotated[float, Between(0, None)] = 1.0
    """What the encoder's own loss counts when they are trained together."""

    standardize: bool = True
    """Whether codes are shifted and scaled to mean 0 and mean square 1 over frames of the fit, which suits networks."""


@dataclass(frozen=True)
class Perception(PerceptionOptions, ChosenEncoder):
    """The encoder of an experiment, and how the agent uses it."""

    argument: ClassVar[str] = "encoder"
    use: ClassVar[type[Any]] = PerceptionOptions

    def check_use(self) -> None:
        if self.mode == "frozen" and self.start is None:
            raise ArenaError(
                f"{self.name} has learned nothing yet, and frozen it never would",
                f"`arena fit {self.name} ENV` first and give its run, or say --encoder.mode joint",
            )

    def check(self, encoder: Encoder, name: str) -> None:
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

    def scale(self, folder: Path) -> CodeScale | None:
        """How codes are shifted and scaled; None where they are left alone.

        Args:
            folder: where the run keeps the fit's snapshot.
        """
        from arena.code_scale import CodeScale

        if self.start is None or not self.standardize:
            return None
        state = self.start.load(folder)
        with self._taken(folder):
            return CodeScale.from_snapshot(state)

    def identity(self) -> dict[str, Any]:
        return {
            **super().identity(),
            "loss_weight": self.loss_weight if self.mode == "joint" else None,
            "standardize": self.standardize if self.start else None,
        }
