"""The encoder of an experiment whose novelty is a bonus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from arena.encoders.novelty_options import NoveltyOptions
from arena.errors import ArenaError
from arena.experiments.encoder_reference import EncoderReference

if TYPE_CHECKING:
    from arena.agents.base import Needs
    from arena.encoders.base import Encoder

__all__ = ["NoveltyUse"]


@dataclass(frozen=True)
class NoveltyUse(NoveltyOptions, EncoderReference):
    """The encoder of an experiment whose surprise is a bonus."""

    argument: ClassVar[str] = "novelty"
    use: ClassVar[type[Any]] = NoveltyOptions

    def check(self, encoder: Encoder, name: str) -> None:
        from arena.encoders.base import Decodes, Encodes, Remembers, Scores  # which need torch

        if not isinstance(encoder, Scores) and not (
            isinstance(encoder, Encodes) and isinstance(encoder, Decodes)
        ):
            raise ArenaError(
                f"{name} neither scores observations nor tells them again",
                "choose one that `arena list encoders` says scores, or decodes",
            )
        if isinstance(encoder, Remembers):
            raise ArenaError(
                f"{name} remembers, and what is new is asked of single observations", "choose another encoder"
            )
        if self.step_size and encoder.needs:
            raise ArenaError(
                f"{name} learns from labels ({', '.join(encoder.needs)}), which no agent is told",
                "say --novelty.step_size 0, or choose another encoder",
            )

    @classmethod
    def refuse_agent(cls, needs: Needs, agent: str) -> None:
        if not needs.bonus:
            raise ArenaError(f"{agent} learns from no bonus", "choose dqn, ppo or another of arena_deep's")
