"""Command line: one module for each verb, and one place where every error becomes one line.

Nothing here imports gymnasium, numpy or torch; a verb does so when it runs.

Verbs of plugins may use `output`, `parser`, `option_parsing`, `run_arguments` and `sections`. The other modules are
the verbs themselves, and private.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Sequence

from arena.errors import ArenaError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status.

    Status 0 is success; 1 is a failed check, or a defect of arena or of a plugin; 2 is an error that the user can fix.
    An error is printed as one line of standard error.

    Args:
        argv: words after ``arena``; by default those of the process.
    """
    words = [*(sys.argv[1:] if argv is None else argv)]
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    with warnings.catch_warnings():
        try:
            _replace_unprintable()
            _warn_in_one_line()
            status = _dispatch(words)
            sys.stdout.flush()
            return status
        except ArenaError as error:
            return _fail(str(error), 2, debug)
        except BrokenPipeError:
            # The reader of the output has ended. Python flushes again when it exits: that must not fail either.
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            return 1
        except KeyboardInterrupt:
            return _fail(
                "interrupted; run the same command again to continue from the last checkpoint",
                2,
                debug,
            )
        except SystemExit as error:
            if error.code in (0, None):  # argparse, after --help
                return 0
            problem = (
                error.code if isinstance(error.code, str) else f"something called sys.exit({error.code!r})"
            )
            return _fail(f"{problem}; run again with --debug to see where", 1, debug)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return _fail(f"unexpected {problem}; run again with --debug and report it", 1, debug)


def _dispatch(words: Sequence[str]) -> int:
    from arena.cli.verbs import run

    return run(words)


def _fail(message: str, status: int, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    _print_line(message)
    return status


def _print_line(message: str) -> None:
    from arena.cli.output import clean

    print("arena:", clean(" ".join(message.split())), file=sys.stderr)


def _replace_unprintable() -> None:
    """Prints a question mark for a character that the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            with contextlib.suppress(ValueError, OSError):  # closed, or detached
                stream.reconfigure(errors="replace")


def _warn_in_one_line() -> None:
    """Prints each warning as one line, as errors are; those of plugins even if Python's filters hide them."""
    from arena.plugins.registry import ArenaPluginWarning

    warnings.simplefilter("always", ArenaPluginWarning)
    seen: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *_: object) -> None:
        text = str(message).removeprefix("\x1b[33mWARN: ").removesuffix("\x1b[0m")  # Gymnasium's own colours
        if text not in seen:
            seen.add(text)
            _print_line(f"warning: {text}")

    warnings.showwarning = show  # type: ignore[assignment]
