"""What an experiment names beside plugins: wrappers, and the functions that make environments."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import inspect
import types
from collections.abc import Callable
from typing import Any, cast

import gymnasium as gym

from arena.errors import ArenaError, unknown_name

__all__ = ["read_wrapper", "source_digest"]

Env = gym.Env[Any, Any]


def read_wrapper(text: str) -> tuple[Callable[..., Env], dict[str, Any]]:
    """Reads ``Name``, ``module:Class`` or either with ``(key=value, …)`` behind it."""
    name, opening, rest = (part.strip() for part in text.partition("("))
    try:
        call = ast.parse(f"f({rest}" if opening else "f()", mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError(text)
        arguments = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise ArenaError(f"the wrapper {text!r} cannot be read", "write Name or Name(key=value)") from error
    module, colon, attribute = name.rpartition(":")
    try:
        home = importlib.import_module(module) if colon else gym.wrappers
    except ImportError as error:
        raise ArenaError(f"the wrapper {name!r}: {error}", "check the module's name") from error
    found = getattr(home, attribute, None)
    if not (isinstance(found, type) and issubclass(found, gym.Wrapper)):
        if found is not None:
            raise ArenaError(f"{name} is no gymnasium.Wrapper", "name a wrapper's class")
        known = [
            n for n, value in vars(home).items() if isinstance(value, type) and issubclass(value, gym.Wrapper)
        ]
        raise unknown_name("wrapper", attribute, known, "see gymnasium.wrappers")
    return cast("Callable[..., Env]", found), cast("dict[str, Any]", arguments)


def source_digest(function: Callable[..., Any]) -> str:
    """What a function's environments are made by: its module's source, or its own, or its compiled code.

    Raises:
        ArenaError: none of them can be had, so that an edited function could not be told from the one before.
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


def _described_code(code: types.CodeType) -> str:
    constants = [_described_code(c) if isinstance(c, types.CodeType) else repr(c) for c in code.co_consts]
    return repr((code.co_code, code.co_names, constants))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
