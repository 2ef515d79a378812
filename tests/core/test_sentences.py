"""The laws of texts: on planted texts, and on the summaries and options of everything registered."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import pytest
from planted import Sound

from arena.config.options import Between
from arena.launch.base import launcher_class
from arena.plugins.discovery import get_plugins
from arena.plugins.specs import LOCAL
from arena.testing import (
    LawError,
    agent_options_have_help,
    help_stands_alone,
    names_a_quantity,
    registered,
    summary_stands_alone,
)
from arena.testing.configs import have_help

SPECS = [(kind, spec) for kind, registry in get_plugins().registries.items() for spec in registry.values()]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "The same, at the end of a straight line.",
        "the same for the critic",
        "Same as learning_rate.",
        "Its final value, in [0, 1].",
        "(It) decays over so many steps.",
        "They are averaged over episodes.",
        "Exploration rate, likewise.",
        "Learning rate of the critic; see above.",
        "Autoencoder that tells a corrupted observation clean.",
        "Memory of whoever acts.",
        "Noise that mends nothing.",
    ],
)
@pytest.mark.parametrize(
    "law", [summary_stands_alone, lambda text, where: help_stands_alone(text, str, where)]
)
def test_a_text_that_leans_on_another_is_caught(law, text):
    with pytest.raises(
        LawError, match="the option 'x' has (no text|the text .* with .*; name the thing itself)"
    ):
        law(text, "the option 'x'")


@pytest.mark.parametrize(
    "text",
    [
        "Discount factor γ, in [0, 1]: weight of a reward one step later.",
        "Itô integral of the reward.",
        "λ of generalized advantage estimation, in [0, 1].",
        "Hertz of the control loop.",
        "Intolerance and amendment contain banned words, and are none.",
        "Off-policy temporal-difference control",
    ],
)
def test_a_text_that_stands_alone_passes(text):
    summary_stands_alone(text, "the option 'x'")
    help_stands_alone(text, str, "the option 'x'")


@pytest.mark.parametrize(
    "hint", [int, float, int | None, Annotated[float, Between(0, 1)], Annotated[int | None, 1]]
)
@pytest.mark.parametrize(
    "text", ["How careful the agent is.", "Prudence.", "Setting of the critic (default 3)."]
)
def test_a_number_without_a_quantity_is_caught(hint, text):
    with pytest.raises(LawError, match="does not say what its number is"):
        help_stands_alone(text, hint, "the option 'x'")
    for other in (str, bool, tuple[int, ...], str | None):
        help_stands_alone(text, other, "the option 'x'")


@pytest.mark.parametrize(
    "text",
    [
        "Learning rate.",
        "Time limit, in seconds.",
        "Boxes, from 1 to 9.",
        "Prudence, in [0, 1].",
        "ε of Adam.",
        "Passes",
    ],
)
def test_quantities(text):
    assert names_a_quantity(text) == (text != "Passes")


class Leaning(Sound):
    """An agent with an option whose help leans on its neighbor."""

    @dataclasses.dataclass(frozen=True)
    class Config(Sound.Config):
        prudence: float = 0.5
        """The same, at the end."""


def test_the_law_of_options_reads_the_texts():
    with (
        registered(Leaning) as name,
        pytest.raises(LawError, match="'prudence' has the text 'The same, at the end"),
    ):
        agent_options_have_help(name)


@pytest.mark.parametrize(
    ("kind", "spec"), [*SPECS, ("launchers", LOCAL)], ids=lambda one: getattr(one, "name", one)
)
def test_the_summary_of_everything_registered_stands_alone(kind, spec):
    summary_stands_alone(spec.summary, f"the summary of {spec.name}")
    assert not spec.summary.endswith("."), "a summary is no sentence"
    lower = spec.summary[0].islower() and spec.summary[0] != "β"
    assert lower == (kind == "commands"), "the summary of a verb is lower case, and no other is"


@pytest.mark.parametrize("name", [LOCAL.name, *get_plugins().launchers])
def test_the_options_of_launchers_have_help(name):
    have_help(launcher_class(name).Config)
