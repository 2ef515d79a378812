"""Wrappers by name, and digests of the functions that make environments."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import types
from collections.abc import Callable
from typing import Any, cast

import gymnasium as gym

from arena.errors import ArenaError, unknown_name
from arena.plugins.trust import import_named

__all__ = ["read_wrapper", "source_digest"]

Env = gym.Env[Any, Any]

#: Longest text of a wrapper, in characters.
LONGEST = 10_000


def read_wrapper(text: str) -> tuple[Callable[..., Env], dict[str, Any]]:
    """Import a wrapper from ``Name`` or ``module:Class``, each optionally with ``(key=value, …)``.

    Returns:
        The wrapper's class and its keyword arguments.

    Raises:
        ArenaError: the text cannot be read, or there is no such wrapper.
    """
    name, opening, rest = (part.strip() for part in text.partition("("))
    try:
        if len(text) > LONGEST:
            raise ValueError(text)
        call = ast.parse(f"f({rest}" if opening else "f()", mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError(text)
        arguments = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:  # also of deep nesting
        raise ArenaError(f"the wrapper {text!r} cannot be read", "write Name or Name(key=value)") from error
    module, colon, attribute = name.rpartition(":")
    home = import_named(module, f"the wrapper {name!r}") if colon else gym.wrappers
    wrapper = getattr(home, attribute, None)
    if wrapper is None:
        known = [n for n, value in vars(home).items() if _is_wrapper(value)]
        raise unknown_name("wrapper", attribute, known, "see gymnasium.wrappers")
    if not _is_wrapper(wrapper):
        raise ArenaError(f"{name} is not a gymnasium.Wrapper", "give the name of a wrapper class")
    return cast("Callable[..., Env]", wrapper), cast("dict[str, Any]", arguments)


def source_digest(function: Callable[..., Any]) -> str:
    """Digest of a function that makes environments: of its module's source, its own source, or its compiled code.

    Raises:
        ArenaError: none of them is available, so that a change of the function could not be detected.
    """
    for subject in (inspect.getmodule(function), function):
        with contextlib.suppress(OSError, TypeError):
            if subject is not None:
                return _digest(inspect.getsource(subject))
    code = getattr(function, "__code__", None)
    if code is None:
        name = f"{function.__module__}:{function.__qualname__}"
        raise ArenaError(f"the source of {name} cannot be read", "define it in a module")
    return _digest(_described_code(code))


def _is_wrapper(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, gym.Wrapper)


def _described_code(code: types.CodeType) -> str:
    constants = [_described_code(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return repr((code.co_code, code.co_names, constants))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
