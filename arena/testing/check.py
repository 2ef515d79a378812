"""Verdicts of all cheap laws on an agent, an encoder or an environment, which `arena check NAME` prints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from arena.plugins.discovery import get_plugins
from arena.testing.agents import (
    acts_from_its_generator,
    acts_in_its_space,
    batch_equals_singles,
    boundaries_change_nothing,
    compiled_equals_generic,
    same_seed_same_bytes,
    state_round_trips,
    transfers,
)
from arena.testing.configs import (
    agent_options_have_help,
    agent_options_round_trip,
    environment_options_have_help,
    environment_options_round_trip,
)
from arena.testing.environments import lane_equals_single, model_matches_environment, passes_gymnasium
from arena.testing.errors import DoesNotApply, LawError
from arena.testing.globals import changes_no_global_generator
from arena.testing.numbers import reported_values_match_actions
from arena.testing.pictures import controls_give_valid_actions, painter_paints_scenes
from arena.testing.resume import resumes_exactly
from arena.testing.values import bootstraps_through_truncation

__all__ = ["AGENT_LAWS", "ENVIRONMENT_LAWS", "Verdict", "check_agent", "check_encoder", "check_environment"]

Law = Callable[..., None]

#: Each is called as ``law(agent, env)``; together they take a few seconds. `survives_kills` and
#: `same_bytes_in_another_process` start processes and are not among them.
AGENT_LAWS: tuple[Law, ...] = (
    agent_options_have_help,
    agent_options_round_trip,
    acts_in_its_space,
    acts_from_its_generator,
    batch_equals_singles,
    state_round_trips,
    transfers,
    reported_values_match_actions,
    same_seed_same_bytes,
    boundaries_change_nothing,
    compiled_equals_generic,
    changes_no_global_generator,
    resumes_exactly,
    bootstraps_through_truncation,
)

#: Each is called as ``law(env)``.
ENVIRONMENT_LAWS: tuple[Law, ...] = (
    environment_options_have_help,
    environment_options_round_trip,
    passes_gymnasium,
    lane_equals_single,
    painter_paints_scenes,
    controls_give_valid_actions,
    model_matches_environment,
)


class Verdict(NamedTuple):
    """Outcome of one law.

    Attributes:
        law: the law's name, as `arena.testing` has it.
        says: the first line of its docstring.
        status: "held", "broken", or "does not apply".
        reason: problem and remedy of a broken law, or why it does not apply; empty if it held.
        seconds: elapsed time.
    """

    law: str
    says: str
    status: str
    reason: str
    seconds: float


def check_agent(agent: str, env: str | None = None) -> Iterator[Verdict]:
    """Tries every cheap law on an agent, one verdict each.

    Args:
        agent: a registered agent's name.
        env: where; by default the first of `arena.testing.SAMPLES` that it fits.

    Raises:
        ArenaError: there is no such agent.
    """
    name = get_plugins().agents[agent].name
    for law in AGENT_LAWS:
        # The chain's law has an environment of its own.
        yield _tried(law, (name,) if env is None or law is bootstraps_through_truncation else (name, env))


def check_encoder(encoder: str, frames: str | None = None) -> Iterator[Verdict]:
    """Tries every law on an encoder.

    Args:
        encoder: a registered encoder's name.
        frames: a key of `arena.testing.FRAMES`; by default the first that it takes.

    Raises:
        ArenaError: there is no such encoder.
    """
    from arena.testing.encoder_laws import ENCODER_LAWS  # torch

    name = get_plugins().encoders[encoder].name
    for law in ENCODER_LAWS:
        yield _tried(law, (name,) if frames is None else (name, frames))


def check_environment(env: str) -> Iterator[Verdict]:
    """Tries every law on an environment.

    Args:
        env: any id that Gymnasium knows, or one that a plugin registers.
    """
    for law in ENVIRONMENT_LAWS:
        yield _tried(law, (env,))


def _tried(law: Law, arguments: tuple[str, ...]) -> Verdict:
    begun = time.monotonic()
    status, reason = "held", ""
    try:
        law(*arguments)
    except DoesNotApply as error:
        status, reason = "does not apply", str(error)
    except LawError as error:
        status, reason = "broken", str(error)
    says = (law.__doc__ or "").strip().splitlines()[0]
    return Verdict(law.__name__, says, status, reason, time.monotonic() - begun)
