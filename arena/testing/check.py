"""Verdicts of the laws on an agent, an encoder or an environment, which `arena check NAME` prints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from arena.plugins.discovery import get_plugins
from arena.testing import agents, configs, environments, globals, numbers, pictures, resume, values
from arena.testing.errors import DoesNotApply, LawError

__all__ = ["AGENT_LAWS", "ENVIRONMENT_LAWS", "Verdict", "check_agent", "check_encoder", "check_environment"]

Law = Callable[..., None]

#: Each is called as ``law(agent, env)``; together they take a few seconds. `survives_kills` and
#: `same_bytes_in_another_process` start processes and are not among them.
AGENT_LAWS: tuple[Law, ...] = (
    configs.agent_options_have_help,
    configs.agent_options_round_trip,
    agents.acts_in_its_space,
    agents.acts_from_its_generator,
    agents.batch_equals_singles,
    agents.state_round_trips,
    agents.transfers,
    numbers.reported_values_match_actions,
    agents.same_seed_same_bytes,
    agents.boundaries_change_nothing,
    agents.compiled_equals_generic,
    globals.changes_no_global_generator,
    resume.resumes_exactly,
    values.bootstraps_through_truncation,
)

#: Each is called as ``law(env)``.
ENVIRONMENT_LAWS: tuple[Law, ...] = (
    configs.environment_options_have_help,
    configs.environment_options_round_trip,
    environments.passes_gymnasium,
    environments.lane_equals_single,
    pictures.painter_paints_scenes,
    pictures.controls_give_valid_actions,
    environments.model_matches_environment,
)


class Verdict(NamedTuple):
    """Outcome of one law.

    Attributes:
        law: name of the law in `arena.testing`.
        says: first line of its docstring.
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
    """Verdicts of every cheap law on a registered agent.

    The default environment is the first of `arena.testing.SAMPLES` that it fits.
    """
    name = get_plugins().agents[agent].name
    for law in AGENT_LAWS:
        own = law is values.bootstraps_through_truncation  # its environment is its own chain
        yield _verdict(law, name) if env is None or own else _verdict(law, name, env)


def check_encoder(encoder: str, frames: str | None = None) -> Iterator[Verdict]:
    """Verdicts of every law on a registered encoder.

    The frames are a key of `arena.testing.FRAMES`, by default the first that it takes.
    """
    from arena.testing.encoder_laws import ENCODER_LAWS  # torch

    name = get_plugins().encoders[encoder].name
    for law in ENCODER_LAWS:
        yield _verdict(law, name) if frames is None else _verdict(law, name, frames)


def check_environment(env: str) -> Iterator[Verdict]:
    """Verdicts of every law on an environment, given by any id of Gymnasium or of a plugin."""
    for law in ENVIRONMENT_LAWS:
        yield _verdict(law, env)


def _verdict(law: Law, *arguments: str) -> Verdict:
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
