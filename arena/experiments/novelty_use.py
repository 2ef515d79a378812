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
    """Encoder of an experiment that computes the novelty bonus."""

    argument: ClassVar[str] = "novelty"
    use: ClassVar[type[Any]] = NoveltyOptions

    def check(self, encoder: Encoder, name: str) -> None:
        from arena.encoders.base import Decodes, Encodes, Remembers, Scores  # which need torch

        if not isinstance(encoder, Scores) and not (
            isinstance(encoder, Encodes) and isinstance(encoder, Decodes)
        ):
            raise ArenaError(
                f"{name} neither scores nor decodes observations",
                "choose an encoder that scores or decodes: see `arena list encoders`",
            )
        if isinstance(encoder, Remembers):
            raise ArenaError(
                f"{name} is recurrent, and novelty is computed for single observations",
                "choose another encoder",
            )
        if self.learning_rate and encoder.required_labels:
            raise ArenaError(
                f"{name} learns from labels ({', '.join(encoder.required_labels)}), which an agent does not have",
                "use --novelty.learning_rate 0, or choose another encoder",
            )

    @classmethod
    def refuse_agent(cls, needs: Needs, agent: str) -> None:
        if not needs.bonus:
            raise ArenaError(
                f"{agent} does not learn from a bonus", "choose dqn, ppo or another agent of arena_deep"
            )
