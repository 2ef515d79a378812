"""Help texts of options, taken from docstrings of dataclass fields and of function parameters."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import itertools
import re
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["fields_help", "parameter_help"]


def fields_help(cls: type[DataclassInstance]) -> dict[str, str]:
    """Help text of each field that has one: its docstring, otherwise ``metadata={"help": ...}``.

    Docstrings (PEP 257's attribute docstrings) are read from the source of the class and its bases.
    """
    found = {f.name: str(f.metadata["help"]) for f in dataclasses.fields(cls) if "help" in f.metadata}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            found.update(_docstrings(base))
    return {field.name: found[field.name] for field in dataclasses.fields(cls) if field.name in found}


def parameter_help(function: Callable[..., object], name: str) -> str:
    """First line about a parameter in a Google or Sphinx docstring; empty if there is none."""
    text = f"{inspect.getdoc(function) or ''}\n{inspect.getdoc(getattr(function, '__init__', None)) or ''}"
    found = re.search(rf"^ *(?::param )?{re.escape(name)}(?: \([^)\n]*\))?: *(\S.*)$", text, re.MULTILINE)
    return found[1] if found else ""


@functools.cache
def _docstrings(cls: type) -> dict[str, str]:
    """Attribute docstrings in a class's own source; none where the source is not available."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    except (OSError, TypeError, SyntaxError):
        return {}
    found = {}
    for pair in itertools.pairwise(body.body if isinstance(body, ast.ClassDef) else ()):
        match pair:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
    return found
