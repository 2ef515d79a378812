"""Parsing in two phases: which options there are is known once it is known what they are options of."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence

from arena.cli import options
from arena.cli.options import Section
from arena.cli.output import only_json
from arena.cli.parser import Parser, is_flag

__all__ = ["parse"]

HELP = frozenset(("-h", "--help"))


def parse(
    parser: Parser,
    words: Sequence[str],
    sections: Callable[[argparse.Namespace], Iterable[Section]],
    *,
    leading: int,
    prefixes: Sequence[str] = options.PREFIXES,
    named: Callable[[argparse.Namespace], bool] = lambda args: True,
) -> argparse.Namespace:
    """Parses a command line with the options of what it names in it; ``--help`` knows them.

    Args:
        parser: of the verb.
        words: behind it.
        sections: the options of what a command line names.
        leading: how many words stand right behind the verb; if they do, an option may have several values.
        prefixes: of the sections.
        named: whether a command line names enough for ``--help`` to know more.

    Returns:
        The arguments; ``given`` has the options of each prefix that were given.

    Raises:
        ArenaError: an option that does not exist, with the nearest, or whatever is wrong with the rest.
    """
    greedy = len(words) >= leading and not any(map(is_flag, words[:leading]))
    rest, mine = options.split(words, greedy=greedy, prefixes=prefixes)
    if HELP & {*rest}:
        others = [word for word in rest if word not in HELP]
        try:
            if len(others) >= leading or any(map(is_flag, others)):
                args = parser.parse_intermixed_args(others)
                for section in sections(args) if named(args) else ():
                    options.add(parser, section)
        finally:  # an error comes below the help
            parser.print_help()
        sys.exit(0)
    args = parser.parse_intermixed_args(rest)
    args.given = {}
    if mine:
        with only_json(getattr(args, "json", False)):  # what is imported here may print
            chosen = [*sections(args)]
        for section in chosen:
            options.add(parser, section)
        options.check(parser, mine, chosen)
        args = parser.parse_intermixed_args([*rest, *mine])
        args.given = {section.prefix: options.read(args, section) for section in chosen}
    return args
