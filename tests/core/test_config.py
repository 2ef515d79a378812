"""Configs: exact types, ranges, one-line errors, and help on every field."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.config.options import (
    Between,
    Plain,
    Positive,
    asdict,
    check,
    coerce,
    fields_help,
    options_of,
    parse_plain,
)
from arena.errors import ArenaError

Fraction = Annotated[float, Between(0, 1)]


@dataclass(frozen=True)
class Config:
    discount: Fraction = 1
    """How much a reward is worth one step later."""
    rate: Annotated[float, Positive] | None = None
    """Step size,
    or None for the default."""
    steps: Annotated[int, Between(1, None)] = 10
    """Steps."""
    kind: Literal["gru", "lstm", 3] = "gru"
    """Kind."""
    hidden: tuple[Annotated[int, Positive], ...] = (64, 64)
    """Widths."""
    span: tuple[float, str] = (0.0, "a")
    """A pair."""
    name: Optional[str] = None  # noqa: UP045
    """Name."""
    fast: bool = False
    """Fast."""
    clip: float = math.inf
    """Clip."""
    either: int | float | str = 1
    """Either."""
    extra: Plain = None
    """Extra."""


@dataclass(frozen=True)
class Derived(Config):
    steps: int = 3
    seed: int = dataclasses.field(default=0, metadata={"help": "The seed."})
    kind: Literal["gru", "lstm", 3] = "lstm"
    """Another kind."""
    bare: int = 0


@dataclass(frozen=True)
class Required:
    first: int
    second: Fraction
    third: str = "c"


numbers = st.floats(allow_nan=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | numbers | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
values = st.fixed_dictionaries(
    {},
    optional={
        "discount": st.floats(0, 1) | st.integers(0, 1),
        "rate": st.none() | st.floats(0, 1e300, exclude_min=True),
        "steps": st.integers(1, 2**63 - 1) | st.integers(1, 2**50).map(float),
        "kind": st.sampled_from(["gru", "lstm", 3]),
        "hidden": st.lists(st.integers(1, 2**63 - 1)) | st.lists(st.integers(1, 2**63 - 1)).map(tuple),
        "span": st.tuples(numbers, st.text()),
        "name": st.none() | st.text(),
        "fast": st.booleans(),
        "clip": numbers,
        "either": st.integers(-(2**63) + 1, 2**63 - 1) | numbers | st.text(),
        "extra": plain,
    },
)


@given(values)
def test_round_trip(given_values):
    config = coerce(Config, given_values, where="agent")
    written = asdict(config)
    assert coerce(Config, json.loads(json.dumps(written)), where="agent") == config
    assert asdict(coerce(Config, written, where="agent")) == written
    assert check(config, "agent") == config
    assert type(config.discount) is float
    assert type(config.steps) is int
    assert all(type(width) is int for width in config.hidden)
    assert type(config.either) is type(given_values.get("either", 1))


def test_values_become_exactly_their_types():
    config = coerce(
        Config,
        {
            "discount": np.float32(0.5),
            "steps": np.int64(4),
            "hidden": [8.0],
            "name": np.str_("n"),
            "extra": [1, [2.0]],
        },
        where="",
    )
    assert config.hidden == (8,)
    assert config.extra == (1, (2.0,))
    got = (config.discount, config.steps, config.hidden[0], config.name)
    assert [type(value) for value in got] == [float, int, int, str]
    assert type(Config().discount) is int
    assert type(check(Config(), "").discount) is float, "defaults too"


@pytest.mark.parametrize(
    ("given_values", "message"),
    [
        ({"discount": 1.5}, "agent.discount is 1.5, which is not in [0, 1]; give a value in [0, 1]"),
        ({"discount": "0.9"}, "agent.discount is '0.9', which is not a number; give a number in [0, 1]"),
        ({"discount": True}, "agent.discount is True, which is not a number; give a number in [0, 1]"),
        ({"discount": math.nan}, "agent.discount is nan, which is not a number; give a number in [0, 1]"),
        ({"clip": math.nan}, "agent.clip is nan, which is not a number; give a number"),
        ({"discount": None}, "agent.discount is None, which is not a number; give a number in [0, 1]"),
        ({"clip": 10**400}, "which is not a number; give a number"),
        ({"rate": 0}, "agent.rate is 0, which is not in (0, inf); give a value in (0, inf)"),
        ({"rate": math.inf}, "agent.rate is inf, which is not in (0, inf)"),
        ({"steps": 0}, "agent.steps is 0, which is not in [1, inf); give a value in [1, inf)"),
        ({"steps": 2.5}, "agent.steps is 2.5, which is not a whole number; give a whole number in [1, inf)"),
        ({"steps": math.inf}, "agent.steps is inf, which is not a whole number"),
        ({"steps": False}, "agent.steps is False, which is not a whole number"),
        ({"kind": "lstmm"}, "agent.kind is 'lstmm', which is not 'gru' or 'lstm' or 3; give 'gru'"),
        ({"kind": 3.0}, "agent.kind is 3.0, which is not 'gru'"),
        ({"hidden": [64, -1]}, "agent.hidden[1] is -1, which is not in (0, inf)"),
        ({"hidden": 64}, "agent.hidden is 64, which is not a list, each a whole number in (0, inf)"),
        ({"span": [1.0]}, "agent.span is [1.0], which is not a list of 2"),
        ({"fast": 1}, "agent.fast is 1, which is not true or false; give true or false"),
        ({"name": 1}, "agent.name is 1, which is not a string; give a string"),
        ({"either": [1]}, "which is not a whole number or a number or a string"),
        ({"extra": {1: 2}}, "agent.extra is {1: 2}, which is not a plain value"),
        ({"extra": object}, "which is not a plain value"),
        ({"discout": 1}, "no option of agent is called 'discout'; did you mean 'discount'?"),
        ({"name": 1, "line\n": 2}, "no option of agent is called 'line\\n'"),
        ({"fast": "a\nb" * 100}, "agent.fast is 'a\\nb"),
        ([1], "agent is [1], which is not a table"),
    ],
)
def test_errors(given_values, message):
    with pytest.raises(ArenaError) as caught:
        coerce(Config, given_values, where="agent")
    text = str(caught.value)
    assert message in text
    assert "\n" not in text
    assert len(text) < 250


def test_missing_and_checked_values():
    with pytest.raises(ArenaError, match=r"^no value for env\.first, env\.second; give one"):
        coerce(Required, {"third": "x"}, where="env")
    with pytest.raises(ArenaError, match=r"^no value for second;"):
        coerce(Required, {"first": 1}, where="")
    with pytest.raises(ArenaError, match=r"^env\.second is 2"):
        check(Required(1, 2), "env")
    with pytest.raises(ArenaError, match=r"^env\.first is 'a'"):
        check(Required("a", 0.5), "env")

    @dataclass(frozen=True)
    class Unsupported:
        field: Any = 0

    with pytest.raises(TypeError, match=r"agent\.field has type"):
        coerce(Unsupported, {}, where="agent")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"discount": "0.9"}, {"discount": 0.9}),
        ({"steps": "1e6"}, {"steps": 1_000_000}),
        ({"steps": str(2**60 + 1)}, {"steps": 2**60 + 1}),
        ({"rate": "none"}, {"rate": None}),
        ({"rate": "1e-3"}, {"rate": 1e-3}),
        ({"fast": "True"}, {"fast": True}),
        ({"kind": "3"}, {"kind": 3}),
        ({"hidden": "[1, 2]"}, {"hidden": (1, 2)}),
        ({"hidden": "1,2"}, {"hidden": (1, 2)}),
        ({"hidden": ""}, {"hidden": ()}),
        ({"name": "12"}, {"name": "12"}),
        ({"either": "2"}, {"either": 2}),
        ({"either": "2.5"}, {"either": 2.5}),
        ({"either": "x"}, {"either": "x"}),
        ({"clip": "inf"}, {"clip": math.inf}),
        ({"extra": '{"a": [1]}'}, {"extra": {"a": (1,)}}),
        ({"extra": "SFFG"}, {"extra": "SFFG"}),
    ],
)
def test_parse(words, expected):
    config = coerce(Config, words, where="agent", parse=True)
    assert config == coerce(Config, expected, where="agent")
    assert type(config.either) is type(expected.get("either", 1))


def test_parse_errors_show_the_word():
    with pytest.raises(ArenaError, match=r"agent\.discount is 1\.5, which is not in \[0, 1\]"):
        coerce(Config, {"discount": "1.5"}, where="agent", parse=True)
    for word in ("nan", "yes", ""):
        with pytest.raises(ArenaError, match=f"is '{word}', which is not"):
            coerce(Config, {"discount": word}, where="agent", parse=True)


def test_between():
    assert str(Between(0, 1, open_high=True)) == "[0, 1)"
    assert str(Between(None, 0.5)) == "(-inf, 0.5]"
    assert 0 not in Positive
    assert 1 in Positive
    assert math.nan not in Between(None, None)
    assert math.inf not in Between(0, None)
    assert 1 not in Between(0, 1, open_high=True)


def test_help_on_every_field():
    texts = fields_help(Derived)
    assert set(texts) == {field.name for field in dataclasses.fields(Derived)} - {"bare"}
    assert texts["discount"] == "How much a reward is worth one step later."
    assert texts["rate"] == "Step size,\nor None for the default."
    assert texts["steps"] == "Steps."
    assert texts["kind"] == "Another kind."
    assert texts["seed"] == "The seed."

    @dataclass
    class Local:
        x: int = 0
        """Local help."""

    assert fields_help(Local) == {"x": "Local help."}


def environment(
    size,
    gravity=9.8,
    *args,
    table=None,
    render_mode=None,
    count: int = None,  # noqa: RUF013
    label: "Missing" = "a",  # noqa: F821, UP037
    **more,
):
    """An environment.

    Args:
        size (int): How big it is.
        gravity: Pull.
    """


def test_options_of_a_function():
    cls = options_of(environment, {"gravity": 10, "tag": [1, 2]})
    assert " ".join(field.name for field in dataclasses.fields(cls)) == "size gravity table count label tag"
    with pytest.raises(ArenaError, match=r"no value for env\.size"):
        coerce(cls, {}, where="env")
    options = coerce(cls, {"size": [1, "x", None], "table": {"a": [1]}}, where="env")
    written = {"size": [1, "x", None], "gravity": 10, "table": {"a": [1]}}
    assert asdict(options) == {**written, "count": None, "label": "a", "tag": [1, 2]}
    assert coerce(cls, asdict(options), where="env") == options
    assert fields_help(cls)["size"] == "How big it is."
    assert fields_help(cls).keys() == asdict(options).keys()

    def typed(
        a: int = 0,
        b: Callable[[], int] = print,
        c: list[str] | None = None,
        d: float = 1,
        e: int = None,  # noqa: RUF013
        f: str | None = None,
    ): ...

    cls = options_of(typed)
    assert [field.name for field in dataclasses.fields(cls)] == ["a", "c", "d", "e", "f"]
    assert [field.type for field in dataclasses.fields(cls)] == [int, Plain, float, int | None, str | None]
    assert type(cls().d) is float
    assert coerce(cls, {"c": ["S"], "e": 3}, where="").e == 3
    with pytest.raises(ArenaError, match="a is 'x', which is not a whole number"):
        coerce(cls, {"a": "x"}, where="")


@pytest.mark.parametrize(
    "name", ["FrozenLake-v1", "CartPole-v1", "Blackjack-v1", "Taxi-v4", "Pendulum-v1", "Acrobot-v1"]
)
def test_options_of_gymnasiums_environments(name):
    spec = gymnasium.spec(name)
    creator = gymnasium.envs.registration.load_env_creator(spec.entry_point)
    options = coerce(options_of(creator, spec.kwargs), {}, where="env")
    gymnasium.make(
        name, **{field.name: getattr(options, field.name) for field in dataclasses.fields(options)}
    ).close()
    assert "render_mode" not in asdict(options)
    if name == "FrozenLake-v1":
        custom = dataclasses.replace(options, desc=("SF", "FG"), is_slippery=False)
        custom = check(custom, "env")
        kwargs = {field.name: getattr(custom, field.name) for field in dataclasses.fields(custom)}
        assert gymnasium.make(name, **kwargs).observation_space.n == 4
        with pytest.raises(ArenaError, match=r"env\.success_rate is 'high'"):
            coerce(type(options), {"success_rate": "high"}, where="env")


def test_parse_plain():
    assert parse_plain("1") == 1
    assert parse_plain("False") is False
    assert parse_plain("null") is None
    assert parse_plain("4x4") == "4x4"


def test_only_the_standard_library():
    code = (
        "import sys, arena.config.options; sys.exit(bool({'numpy', 'torch', 'gymnasium'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
