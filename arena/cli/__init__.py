"""Command line: one module for each verb, and one place where every error becomes one line.

Nothing here imports gymnasium, numpy or torch; a verb does so when it runs.

Verbs of plugins may use `output`, `parser`, `option_parsing`, `run_arguments` and `sections`. The other modules are
the verbs themselves, and private.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import warnings
from collections.abc import Sequence

from arena.errors import ArenaError, memory_error, one_line, shorten

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
    _replace_closed()
    with warnings.catch_warnings():
        try:
            _replace_unprintable()
            _warn_in_one_line()
            status = _dispatch(words)
            try:
                sys.stdout.flush()
            except BrokenPipeError:
                raise
            except OSError as error:  # such as a full disk
                raise _OutputError from error
            return status
        except ArenaError as error:
            return _fail(str(error), 2, debug)
        except BrokenPipeError:
            # The reader of the output has ended. Python flushes again when it exits: that must not fail either.
            _discard_output()
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
        except _OutputError as error:
            _discard_output()
            reason = error.__cause__.strerror if isinstance(error.__cause__, OSError) else error
            return _fail(f"cannot write to standard output: {reason}; send it to a file elsewhere", 2, debug)
        except Exception as error:
            if (failure := memory_error(error) or _path_error(error)) is not None:
                return _fail(str(failure), 2, debug)
            return _fail(f"unexpected {one_line(error)}; run again with --debug and report it", 1, debug)


def _path_error(error: Exception) -> ArenaError | None:
    """Error for a path that the system refuses, such as one that is too long; None for any other exception."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return ArenaError(f"{error.filename}: {error.strerror}", "check the path and its permissions")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return ArenaError("the disk or standard output is full", "free some space")
    if isinstance(error, ValueError) and "embedded null" in str(error):
        return ArenaError("a path or name contains a null character", "remove it")
    return None


class _OutputError(Exception):
    """Standard output cannot be written."""


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

    with contextlib.suppress(OSError, ValueError):  # it is full or closed
        print("arena:", clean(shorten(" ".join(message.split()))), file=sys.stderr)


def _replace_closed() -> None:
    """Opens the null device in place of a standard stream that is closed.

    Otherwise the next file that the process opens, such as a run's metrics, would get the stream's number, and
    whatever a library prints would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Gets the smallest free number, which is this one; worker processes need it too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None or getattr(stream, "closed", False):
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _discard_output() -> None:
    """Sends what is left of standard output to the null device: Python flushes again when it exits."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


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
