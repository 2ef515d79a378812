"""Search spaces: counted by hand, sampled by Optuna, and rejected where invalid for an option."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import pytest

from arena.config.options import Between
from arena.errors import ArenaError

optuna = pytest.importorskip("optuna")

from arena_optuna.search import Choice, Range, parameters  # noqa: E402

HINTS = {
    "agent.size": Annotated[float, Between(0, 1, open_low=True)],
    "agent.many": Annotated[int | None, Between(1, 9)],
    "agent.kind": Literal["a", "b"] | None,
    "agent.widths": tuple[int, ...],
    "agent.on": bool,
}


def space(**search):
    return parameters({f"agent.{name}": said for name, said in search.items()}, HINTS, ())


def drawn(parameter, draws=300):
    """Whatever Optuna draws of a parameter."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trials = [study.ask({"x": parameter.distribution()}) for _ in range(draws)]
    return [parameter.value(trial.params["x"]) for trial in trials]


@pytest.mark.parametrize(
    ("name", "said", "values"),
    [
        ("many", {"low": 2, "high": 6}, [2, 3, 4, 5, 6]),
        ("many", {"low": 1, "high": 9, "step": 3}, [1, 4, 7]),
        ("many", {"low": 1, "high": 4, "log": True}, [1, 2, 3, 4]),
        ("many", [2, 8], [2, 8]),
        ("size", {"low": 0.1, "high": 0.45, "step": 0.1}, [0.1, 0.2, 0.3, 0.4]),
        ("size", {"low": 0.1, "high": 0.3, "step": 0.1}, [0.1, 0.2, 0.3]),
        ("size", [1, 0.5], [0.5, 1.0]),
        ("kind", ["a", "b"], ["a", "b"]),
        ("widths", [[64, 64], [8]], [[8], [64, 64]]),
        ("on", [True, False], [False, True]),
    ],
)
def test_the_space_is_what_counting_gives(name, said, values):
    [parameter] = space(**{name: said})
    found = sorted({json.dumps(value): value for value in drawn(parameter)}.values())
    assert found == pytest.approx(values) if name == "size" else found == values
    assert {*map(type, found)} == {type(value) for value in values}


def test_a_range_of_reals_is_of_floats_however_it_is_written():
    [parameter] = parameters({"agent": {"size": {"low": 0.5, "high": 1}}}, HINTS, ())
    assert parameter == Range("agent.size", 0.5, 1.0)
    found = drawn(parameter)
    assert all(isinstance(value, float) and 0.5 <= value <= 1 for value in found)
    assert len({*found}) == len(found)


def test_logarithms_are_equally_likely():
    [parameter] = space(size={"low": 1e-4, "high": 1.0, "log": True})
    below = sum(value < 1e-2 for value in drawn(parameter, 1000)) / 1000
    assert below == pytest.approx(0.5, abs=0.08)  # five standard errors


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ({"sise": [1]}, "no option to search is called 'agent.sise'; did you mean 'agent.size'"),
        ({"size": {"low": 0, "high": 1}}, "agent.size is 0, which is not in (0, 1]; give a value in (0, 1]"),
        (
            {"size": {"low": 0.1, "high": 2}},
            "agent.size is 2, which is not in (0, 1]; give a value in (0, 1]",
        ),
        (
            {"many": {"low": 1.5, "high": 2}},
            "agent.many is 1.5, which is not a whole number; give a whole number in [1, 9]",
        ),
        (
            {"many": {"low": 1, "hihg": 2}},
            "no key of agent.many in [search] is called 'hihg'; did you mean 'high'",
        ),
        ({"many": {"low": 1}}, "[search] has no high for agent.many"),
        ({"many": {"low": 3, "high": 3}}, "low of agent.many is 3, which is not below its high, 3"),
        (
            {"many": {"low": 1, "high": 9, "step": 0.5}},
            "step of agent.many is 0.5, which is not a whole number from 1",
        ),
        ({"many": {"low": 1, "high": 9, "step": 2, "log": True}}, "agent.many has both log and step"),
        (
            {"size": {"low": 0.1, "high": 1, "step": 0}},
            "step of agent.size is 0, which is not a number above 0",
        ),
        ({"size": {"low": 0.1, "high": 1, "log": 1}}, "log of agent.size is 1, which is not true or false"),
        ({"size": [0.1, 1, 1.0]}, "[search] has 1.0 twice for agent.size"),
        ({"size": []}, "[search] has no choices for agent.size"),
        ({"size": 0.5}, "[search] has 0.5 for agent.size, which is neither a range nor a list"),
        ({"kind": ["c"]}, "agent.kind is 'c', which is not 'a' or 'b'"),
        ({"kind": {"low": 1, "high": 2}}, "agent.kind is not a number, so it has no low and high"),
    ],
)
def test_what_is_wrong_with_a_search_is_said(search, said):
    with pytest.raises(ArenaError) as error:
        space(**search)
    assert str(error.value).startswith(said)


def test_a_low_without_logarithm_is_refused():
    with pytest.raises(
        ArenaError, match=r"low of agent.x is -1.0, which has no logarithm; give a low above 0"
    ):
        parameters({"agent.x": {"low": -1, "high": 1, "log": True}}, {"agent.x": float}, ())


def test_choices_go_through_storage_as_they_are():
    choice = Choice("agent.widths", ([64, 64], [8]))
    assert [choice.value(label) for label in choice.distribution().choices] == [[64, 64], [8]]
