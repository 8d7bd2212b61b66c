"""The parser, made of the table of verbs."""

from __future__ import annotations

import argparse

from chronotui import __version__
from chronotui.cli.verbs import DESK, GLOBAL, VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final, NoReturn

    from chronotui.cli.option import Option, Verb

PROGRAM: Final = "chronotui"
_DESCRIPTION: Final = "The log desk for Chronoverse. Without a command, the desk opens."


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the arguments; ``handler`` of the result says what is to run.

    Raises:
        SystemExit: Help or the version was asked for (0), or the arguments cannot
            be taken (2); what there is to say has been said.
    """
    return _parser(argv).parse_args(argv)


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    """Return the parser for these arguments.

    Building all of it takes longer than importing it: a verb that comes first is
    the only one that is needed, and only verbs among the words get their options.
    """
    parser = _Parser(prog=PROGRAM, description=_DESCRIPTION, allow_abbrev=False)
    version = f"{PROGRAM} {__version__}"
    parser.add_argument("--version", action="version", version=version)
    _add(parser, GLOBAL)
    _add(parser, DESK)
    parser.set_defaults(handler="desk:desk")
    if not argv:
        return parser
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", dest="verb")
    for verb in [verb for verb in VERBS if verb.name == argv[0]] or VERBS:
        _add_verb(verbs, verb, PROGRAM, whole=verb.name in argv)
    return parser


def _add_verb(
    verbs: argparse._SubParsersAction[_Parser],
    verb: Verb,
    program: str,
    *,
    whole: bool,
) -> None:
    program = f"{program} {verb.name}"
    parser = verbs.add_parser(
        verb.name,
        prog=program,
        help=verb.help,
        description=f"{verb.help[0].upper()}{verb.help[1:]}.",
        allow_abbrev=False,
    )
    if not whole:
        return
    if verb.handler:
        parser.set_defaults(handler=verb.handler)
    _add(parser, verb.options)
    taken = {name for option in verb.options for name in option.names}
    inherited = [one for one in GLOBAL if not taken & set(one.names)]
    _add(parser, inherited, default=argparse.SUPPRESS)
    if verb.verbs:
        inner = parser.add_subparsers(
            title="commands", metavar="COMMAND", dest="subverb", required=True
        )
        for one in verb.verbs:
            _add_verb(inner, one, program, whole=True)


def _add(
    parser: argparse.ArgumentParser, options: Iterable[Option], **more: object
) -> None:
    for option in options:
        settings = {**option.settings, **more}
        parser.add_argument(*option.names, help=option.help, **settings)


class _Parser(argparse.ArgumentParser):
    """Names the command that helps, in the words of all other errors."""

    def error(self, message: str) -> NoReturn:
        self.exit(
            2, f"{PROGRAM}: {message}\n{self.format_usage()}Try {self.prog} --help.\n"
        )
