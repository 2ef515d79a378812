"""Laws that every agent, encoder and environment keeps, for the tests of plugin authors.

A law is a function that takes a name (or, for an agent or an encoder, a class) and raises `LawError` if it is broken:
the message names the case that broke it and a remedy. It raises `DoesNotApply` if it does not apply to the thing, such
as a law about transition models to an environment without one.

Example:
    >>> from arena.testing import AGENT_LAWS, DoesNotApply
    >>> @pytest.mark.parametrize("law", AGENT_LAWS)  # doctest: +SKIP
    ... def test_my_agent_keeps_the_laws(law):
    ...     with contextlib.suppress(DoesNotApply):
    ...         law(MyAgent)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena.testing.agents import *
    from arena.testing.cases import *
    from arena.testing.chain import *
    from arena.testing.check import *
    from arena.testing.configs import *
    from arena.testing.densities import *
    from arena.testing.encoder_cases import *
    from arena.testing.encoder_laws import *
    from arena.testing.encoders import *
    from arena.testing.environments import *
    from arena.testing.errors import *
    from arena.testing.globals import *
    from arena.testing.imports import *
    from arena.testing.numbers import *
    from arena.testing.pictures import *
    from arena.testing.processes import *
    from arena.testing.protocols import *
    from arena.testing.resume import *
    from arena.testing.sentences import *
    from arena.testing.trial import *
    from arena.testing.values import *

#: Modules of the public names. A name is looked up in one after another on first use; the last five need torch.
_MODULES = (
    *(
        "errors",
        "cases",
        "check",
        "agents",
        "numbers",
        "configs",
        "environments",
        "pictures",
        "globals",
        "trial",
    ),
    *("values", "resume", "chain", "imports", "processes", "sentences"),
    *("encoder_cases", "encoder_laws", "encoders", "protocols", "densities"),
)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    for module in _MODULES if not name.startswith("_") else ():
        home = importlib.import_module(f"{__name__}.{module}")
        if name in home.__all__:
            return getattr(home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
