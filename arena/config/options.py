"""Configuration dataclasses: hyperparameters as frozen dataclasses, with a type, a range and a help text per field.

A config's fields are ``bool``, ``int``, ``float``, ``str``, ``Literal[...]``, unions such as ``X | None``,
tuples of these, or `Plain` (any JSON value); ``Annotated[float, Between(0, 1)]`` adds a range. The docstring
under a field is its help on the command line. In a canonical config, every value has exactly its field's type
(``1`` becomes ``1.0`` for a float), so that equal experiments are equal byte for byte.

Example:
    >>> @dataclass(frozen=True)
    ... class Config:
    ...     discount: Annotated[float, Between(0, 1)] = 0.99
    ...     '''Discount factor γ, in [0, 1]: weight of a reward one step later.'''
    >>> coerce(Config, {"discount": 1}, where="agent")
    Config(discount=1.0)
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import math
import numbers
import reprlib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar, Union

from arena.config.help import fields_help, parameter_help
from arena.errors import ArenaError, unknown_name
from arena.storage.text_files import TooDeepError, parse_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "Between",
    "Plain",
    "Positive",
    "asdict",
    "check",
    "coerce",
    "fields_help",
    "options_of",
    "parse_plain",
]

C = TypeVar("C", bound="DataclassInstance")

#: Largest whole number of an option.
MOST = 2**63 - 1


@dataclass(frozen=True)
class Between:
    """Range of a number, as a marker in ``Annotated``; in tuples and unions it applies to every number.

    Args:
        low: the smallest value; None for no bound.
        high: the largest value; None for no bound.
        open_low: whether `low` itself is excluded.
        open_high: whether `high` itself is excluded.
    """

    low: float | None
    high: float | None = None
    _: dataclasses.KW_ONLY
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: float) -> bool:
        """Return whether `value` is in the range; NaN and the infinities never are."""
        above = self.low is None or (value > self.low if self.open_low else value >= self.low)
        below = self.high is None or (value < self.high if self.open_high else value <= self.high)
        return above and below and math.isfinite(value)

    def __str__(self) -> str:
        left = "(-inf" if self.low is None else f"{'(' if self.open_low else '['}{self.low:.12g}"
        right = "inf)" if self.high is None else f"{self.high:.12g}{')' if self.open_high else ']'}"
        return f"{left}, {right}"


Positive = Between(0, None, open_low=True)


class _Anything(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return True


class Plain(metaclass=_Anything):
    """Type of a field that takes any plain JSON or TOML value; lists become tuples (see `parse_plain`)."""


def coerce(
    cls: type[C], values: Mapping[str, object], *, where: str, owner: str = "", parse: bool = False
) -> C:
    """Build a config from plain values as in TOML, JSON or Python.

    Args:
        cls: the config's class.
        values: the values by field name; missing fields take their defaults.
        where: prefix of a field's name in errors (``agent`` gives ``agent.discount``); may be empty.
        owner: owner of the options, for the error about an unknown option; by default `where`.
        parse: whether strings are parsed as values (``"0.9"`` as a number), as from a command line.

    Returns:
        The canonical config.

    Raises:
        ArenaError: an unknown field, a missing field, a value of the wrong type, or a value out of its range.
    """
    owner = owner or where or cls.__name__
    if not isinstance(values, Mapping):
        raise ArenaError(f"{owner} is {_show(values)}, which is not a table", "give names and values")
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    for name in values:
        if name not in fields:
            raise unknown_name(f"option of {owner}", str(name), fields)
    filled = dict(values)
    for name, field in fields.items():
        if name not in filled and field.default is not MISSING:
            filled[name] = field.default
        elif name not in filled and field.default_factory is not MISSING:
            filled[name] = field.default_factory()
    paths = {name: f"{where}.{name}" if where else name for name in fields}
    missing = ", ".join(path for name, path in paths.items() if name not in filled)
    if missing:
        raise ArenaError(f"no value for {missing}", "give one, since there is no default")
    hints = _hints(cls)
    return cls(**{n: _coerce(hints[n], filled[n], paths[n], (), parse and n in values) for n in fields})


def check(config: C, where: str) -> C:
    """Validate the types and ranges of a config instance, and return the canonical config.

    Raises:
        ArenaError: as `coerce`.
    """
    return coerce(type(config), _values(config), where=where)


def asdict(config: DataclassInstance) -> dict[str, Any]:
    """Convert a canonical config to plain JSON values, tuples to lists; `coerce` is the inverse.

    Infinities stay floats, which Python's JSON and TOML can write and read.
    """
    return {name: _thaw(value) for name, value in _values(config).items()}


def parse_plain(text: str) -> object:
    """Parse a command-line word as JSON if possible, None and True as Python writes them, otherwise as text.

    ``[1, 2.5]`` gives a tuple, ``None`` gives None, ``SFFG`` gives a string.
    """
    try:
        return _plain(parse_json({"None": "null", "True": "true", "False": "false"}.get(text, text)))
    except TooDeepError as error:
        raise ArenaError(f"the value {_show(text)} cannot be used: {error}", "give a flat list") from error
    except ValueError:
        return text


def options_of(
    function: Callable[..., object],
    defaults: Mapping[str, object] | None = None,
    *,
    keyword_only: bool = False,
) -> type[Any]:
    """Make a config class from the keyword parameters of a function or class, such as an environment of Gymnasium.

    A parameter's type is its annotation if a config's field can have it, otherwise its default's type, otherwise
    `Plain`; a default of None allows None. Positional-only and variadic parameters, ``render_mode``, and parameters
    whose default is not a plain value (an object, an array) are left out.

    Args:
        function: the environment's entry point.
        defaults: values that replace the signature's defaults, such as Gymnasium's ``spec.kwargs``; a name that
            only the function's ``**kwargs`` accepts becomes a field too.
        keyword_only: whether only keyword-only parameters become fields.
    """
    target = function.__init__ if isinstance(function, type) else function  # type: ignore[misc]
    try:
        hints = typing.get_type_hints(target, include_extras=True)
    except Exception:  # annotations may refer to names that exist for a type checker only
        hints = {}
    options = {
        parameter.name: MISSING if parameter.default is parameter.empty else parameter.default
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
        or (parameter.kind is parameter.POSITIONAL_OR_KEYWORD and not keyword_only)
    }
    title = getattr(function, "__name__", "Options")
    specs: list[Any] = []
    for name, default in {**options, **(defaults or {})}.items():
        if name == "render_mode" or not (default is MISSING or _is_plain(default)):
            continue
        hint = _option_type(hints.get(name), default)
        keywords: dict[str, Any] = {"metadata": {"help": parameter_help(function, name) or f"See {title}."}}
        if default is not MISSING:
            keywords["default_factory"] = functools.partial(_coerce, hint, default, name)
        specs.append((name, hint, dataclasses.field(**keywords)))
    return dataclasses.make_dataclass(title, specs, frozen=True, kw_only=True)


def _values(config: DataclassInstance) -> dict[str, object]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config) if field.init}


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls, include_extras=True)


def _coerce(hint: Any, value: object, path: str, bounds: _Bounds = (), parse: bool = False) -> Any:
    """Convert a value to exactly the hint's type, or raise an ArenaError that names `path`."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        inner = tuple(marker for marker in args[1:] if isinstance(marker, Between))
        return _coerce(args[0], value, path, (*bounds, *inner), parse)
    if origin in _UNIONS:
        return _coerce_union(hint, value, path, bounds, parse)
    given = value
    if parse and isinstance(value, str) and hint is not str:
        value = _parse(hint, value)
    result: Any = MISSING
    if origin is Literal:
        result = next((o for o in args if type(o) is type(value) and o == value), MISSING)
    elif hint is Plain:
        result = _plain(value) if _is_plain(value) else MISSING
    elif hint is tuple or origin is tuple:
        args = args or (Plain, ...)
        if isinstance(value, list | tuple) and (args[-1] is ... or len(args) == len(value)):
            hints = args[:1] * len(value) if args[-1] is ... else args
            pairs = enumerate(zip(hints, value, strict=True))
            return tuple(_coerce(h, v, f"{path}[{i}]", bounds, parse) for i, (h, v) in pairs)
    elif hint is types.NoneType:
        result = None if value is None else MISSING
    elif hint is bool or hint is str:
        result = hint(value) if isinstance(value, hint) else MISSING
    elif hint is int or hint is float:
        result = _number(hint, value)
        if hint is int and result is not MISSING and not -MOST <= result <= MOST:
            problem = f"{path} is {_show(value)}, which is beyond {MOST:,}"
            raise ArenaError(problem, "give a smaller number")
        for bound in bounds:
            if result is not MISSING and result not in bound:
                problem = f"{path} is {_show(value)}, which is not in {bound}"
                raise ArenaError(problem, f"give a value in {bound}")
    else:
        raise TypeError(f"{path} has type {hint}, which a config's field cannot have")
    if result is MISSING:
        raise _wrong(hint, given, path, bounds)
    return result


def _coerce_union(hint: Any, value: object, path: str, bounds: _Bounds, parse: bool) -> Any:
    members = [member for member in typing.get_args(hint) if member is not types.NoneType]
    optional = len(members) < len(typing.get_args(hint))
    if optional and (value is None or (parse and value in ("None", "none", "null"))):
        return None
    if len(members) == 1:
        return _coerce(members[0], value, path, bounds, parse)
    results = []
    # A parsed word is text only if nothing else fits.
    for member in sorted(members, key=lambda member: member is str):
        with contextlib.suppress(ArenaError):
            results.append(_coerce(member, value, path, bounds, parse))
    if not results:
        raise _wrong(hint, value, path, bounds)
    if parse and isinstance(value, str):
        return results[0]
    return next(
        (result for result in results if type(result) is type(value)), results[0]
    )  # 2.0 is not an int


def _number(hint: Any, value: object) -> Any:
    """Convert a value to int or float; MISSING if impossible, as for True, NaN, or 2.5 as an int."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return MISSING
    try:
        result = hint(value)
    except (OverflowError, ValueError):
        return MISSING
    return MISSING if math.isnan(result) or (hint is int and result != value) else result


def _parse(hint: Any, text: str) -> object:
    """Parse a word as the hint's type; the word itself if that fails."""
    if hint is int or hint is float:  # accepts 1e6 and inf too, which JSON does not have as these types
        try:
            return float(text) if hint is float or not text.lstrip("+-").isdigit() else int(text)
        except ValueError:
            return text
    if hint is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if typing.get_origin(hint) is Literal:
        return next((option for option in typing.get_args(hint) if str(option) == text), text)
    if typing.get_origin(hint) is tuple and not text.startswith("["):
        return text.split(",") if text else ()
    return parse_plain(text)


def _wrong(hint: Any, value: object, path: str, bounds: _Bounds) -> ArenaError:
    problem = f"{path} is {_show(value)}, which is not {_describe(hint)}"
    return ArenaError(problem, f"give {_describe(hint, bounds)}")


def _describe(hint: Any, bounds: _Bounds = ()) -> str:
    """Describe in words the values that a hint allows."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _describe(args[0], (*bounds, *(marker for marker in args[1:] if isinstance(marker, Between))))
    if origin is Literal:
        return " or ".join(map(repr, args))
    if origin in _UNIONS:
        return " or ".join(_describe(member, bounds) for member in args)
    if origin is tuple:
        each = _describe(args[0], bounds)
        return f"a list, each {each}" if args[-1] is ... else f"a list of {len(args)}"
    within = "".join(f" in {bound}" for bound in bounds) if hint in (int, float) else ""
    return _WORDS.get(hint, str(hint)) + within


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, bool | str) or _number(float, value) is not MISSING


def _plain(value: Any) -> Any:
    """Canonical form of a plain value: tuples for lists, Python's own numbers and strings."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _thaw(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_thaw(item) for item in value]
    return {key: _thaw(item) for key, item in value.items()} if isinstance(value, dict) else value


def _option_type(hint: Any, default: Any) -> Any:
    """The annotation if a config's field can have it, otherwise the default's type, otherwise `Plain`."""
    choice = next((choice for choice in (hint, type(default)) if _usable(choice)), Plain)
    if default is MISSING:
        return choice
    try:
        _coerce(choice, default, "")
    except ArenaError:
        return choice | None if default is None else Plain
    return choice


def _usable(hint: Any) -> bool:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _usable(args[0])
    if origin in _UNIONS or origin is tuple:
        return all(arg is ... or arg is types.NoneType or _usable(arg) for arg in args)
    return origin is Literal or hint in _SCALARS


_UNIONS = (Union, types.UnionType)
_Bounds: TypeAlias = tuple[Between, ...]
_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    tuple: "a list",
    types.NoneType: "None",
    Plain: "a plain value",
}
_SCALARS = (bool, int, float, str, tuple, Plain)
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60
_show = _REPR.repr
