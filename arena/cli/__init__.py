"""The command line: one verb a module, and one place for everything that can go wrong.

Nothing here imports gymnasium, numpy or torch; a verb does so when it runs.
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

    Status 0 is success, 1 a failed check or a defect of arena's or a plugin's, and 2 something that the
    person at the keyboard can put right, which is then said on one line of standard error.

    Args:
        argv: the words after ``arena``; by default the process's own.
    """
    words = [*(sys.argv[1:] if argv is None else argv)]
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    with warnings.catch_warnings():
        try:
            _print_whatever_the_encoding()
            _warn_in_one_line()
            status = _dispatch(words)
            sys.stdout.flush()
            return status
        except ArenaError as error:
            return _fail(str(error), 2, debug)
        except BrokenPipeError:
            # Whoever read our output has gone. Python flushes again when it exits: that must not fail either.
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), sys.stdout.fileno())
            return 1
        except KeyboardInterrupt:
            return _fail("interrupted; the same command begins again, or goes on from a checkpoint", 2, debug)
        except SystemExit as error:
            if error.code in (0, None):  # argparse, after --help
                return 0
            said = error.code if isinstance(error.code, str) else f"something called sys.exit({error.code!r})"
            return _fail(f"{said}; run again with --debug to see where", 1, debug)
        except Exception as error:
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return _fail(f"unexpected {said}; run again with --debug and report it", 1, debug)


def _dispatch(words: Sequence[str]) -> int:
    from arena.cli.verbs import run

    return run(words)


def _fail(message: str, status: int, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    _say(message)
    return status


def _say(message: str) -> None:
    from arena.cli.output import clean

    print("arena:", clean(" ".join(message.split())), file=sys.stderr)


def _print_whatever_the_encoding() -> None:
    """Lets a terminal show a question mark for what its encoding lacks, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            with contextlib.suppress(ValueError, OSError):  # closed, or detached
                stream.reconfigure(errors="replace")


def _warn_in_one_line() -> None:
    """Shows warnings as errors are shown, a line each; those of plugins whatever Python's filters say."""
    from arena.plugins.registry import ArenaPluginWarning

    warnings.simplefilter("always", ArenaPluginWarning)
    seen: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *_: object) -> None:
        text = str(message).removeprefix("\x1b[33mWARN: ").removesuffix("\x1b[0m")  # Gymnasium's own colours
        if text not in seen:
            seen.add(text)
            _say(f"warning: {text}")

    warnings.showwarning = show  # type: ignore[assignment]
