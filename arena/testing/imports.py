"""Law of imports: help and listings import no heavy library."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata

from arena.plugins.discovery import GROUP
from arena.testing.errors import LawError
from arena.testing.processes import child_environment, child_failed

__all__ = ["HEAVY", "imports_lightly", "plugin_imports_lightly"]

#: Modules that are slow to import, and that neither a plugin's entry point nor a listing needs.
HEAVY = ("gymnasium", "numba", "numpy", "pygame", "scipy", "torch")


def imports_lightly(code: str, heavy: Sequence[str] = HEAVY) -> None:
    """A piece of Python that runs in a new process imports no heavy module.

    Args:
        code: code to run, such as ``import arena``; it may end in SystemExit.
        heavy: modules that it must not import.
    """
    probe = (
        "import sys\ntry:\n    exec(compile(sys.argv[1], 'law', 'exec'))\nexcept SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "finally:\n    sys.stdout.flush()\n"
        "print('\\n' + ' '.join(m for m in sys.argv[2:] if m in sys.modules))"
    )
    command = [sys.executable, "-c", probe, code, *heavy]
    done = subprocess.run(
        command, capture_output=True, text=True, env=child_environment(0), timeout=120, check=False
    )
    if done.returncode:
        raise child_failed(done.returncode, done.stderr)
    found = done.stdout.splitlines()[-1].split()
    if found:
        raise LawError(
            f"{code!r} imports {', '.join(found)}",
            "import it inside the function that needs it, and name targets as strings; "
            "`python -X importtime` shows the chain of imports",
        )


def plugin_imports_lightly(plugin: str, heavy: Sequence[str] = HEAVY) -> None:
    """A plugin's entry point and specs import no heavy module.

    Args:
        plugin: name of the entry point, as in `arena list plugins`.
        heavy: modules that it must not import.
    """
    if plugin not in {point.name for point in metadata.entry_points(group=GROUP)}:
        raise LawError(f"no plugin {plugin!r} is installed", "declare its entry point, and install it")
    code = f"from arena.plugins.discovery import Plugins\nPlugins(allow=[{plugin!r}], strict=True).infos"
    imports_lightly(code, heavy)
