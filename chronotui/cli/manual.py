"""The manual page, made of the table of verbs: ``python -m chronotui.cli.manual``.

A wheel brings it along as ``share/man/man1/chronotui.1``. It is made where the program
is built, so nothing but the standard library and msgspec may be needed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from chronotui import __version__
from chronotui.cli.parser import DESK, GLOBAL, VERBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chronotui.cli.parser import Option, Verb

EXIT_CODES: Final = {
    0: "whole, and COMPLETED or not followed",
    1: "the followed job ended FAILED or CANCELED",
    2: "usage, configuration, a path that is refused or a file that exists",
    3: "not signed in, or not allowed",
    4: "not found, or no logs by policy",
    5: "the server cannot be reached or fails, and nothing came",
    6: "incomplete: lines or runs missing, or a download cut, trailed or short",
    129: "the terminal is gone, or SIGHUP",
    130: "interrupted",
    141: "the reader of standard output left",
    143: "SIGTERM",
}

_ENVIRONMENT: Final = {
    "CHRONOTUI_CONFIG": "configuration file, unless --config names one",
    "CHRONOTUI_PROFILE": "profile to use, unless --profile names one",
    "CHRONOTUI_URL": "server to use instead of the profile's, unless --url names one",
    "CHRONOTUI_LOG_FILE": "diagnostic log, unless --log-file names one",
    "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY": "proxies, read as curl reads them",
    "NO_COLOR": "no colours, if it is not empty",
}

_FILES: Final = {
    "~/.config/chronotui/config.toml": "profiles and settings; on macOS and Windows in "
    "the folder of that platform",
    "~/.local/state/chronotui/": "sessions, what is remembered, and errors.log",
}

_DESCRIPTION: Final = """\
The log desk for the job scheduler Chronoverse in a terminal: find the job, watch it
live, read its past, keep its log. It also reads the workflow runs of Dify apps. Without
a command the desk opens, in which ? shows every key. The commands do without it:
standard output carries data only, words for people go to standard error.

W and J are ids, or the beginning of one that is unique; W may be a workflow's exact
name. T is a time: RFC 3339, a local date or date and time, 14:05, or 15m ago. A value
may begin with a minus.
"""

_EXAMPLES: Final = (
    "chronotui demo",
    "chronotui jobs nightly-report --status FAILED",
    "chronotui logs nightly-report 8f3c21 --follow",
    "chronotui save nightly-report 77aa09 --format jsonl -O report.jsonl",
)


def manual() -> str:
    """Return the page in the language of man(7)."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield f'.TH CHRONOTUI 1 "" "chronotui {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"chronotui \- the log desk for Chronoverse in a terminal"
    yield ".SH SYNOPSIS"
    yield from _synopsis("chronotui", [*DESK, *GLOBAL])
    yield from _synopsis("chronotui", [], ("COMMAND", "..."))
    yield ".SH DESCRIPTION"
    yield _text(_DESCRIPTION).replace("\n\n", "\n.PP\n").rstrip()
    yield ".SH OPTIONS"
    yield from _options([*DESK, *GLOBAL])
    yield ".SH COMMANDS"
    for verb in VERBS:
        yield from _command(verb, ())
    yield ".SH EXIT STATUS"
    yield from _table({str(code): says for code, says in EXIT_CODES.items()})
    yield ".SH ENVIRONMENT"
    yield from _table(_ENVIRONMENT)
    yield ".SH FILES"
    yield from _table(_FILES)
    yield ".SH EXAMPLES"
    for line in _EXAMPLES:
        yield from (".PP", f".B {_text(line)}")
    yield from (".SH SEE ALSO", ".BR lnav (1),", ".BR curl (1)")


def _command(verb: Verb, path: tuple[str, ...]) -> Iterator[str]:
    name = " ".join([*path, verb.name])
    yield f".SS {_text(name)}"
    yield _text(f"{verb.help[0].upper()}{verb.help[1:]}.")
    for inner in verb.verbs:
        yield from _command(inner, (*path, verb.name))
    if not verb.verbs:
        yield from _synopsis(f"chronotui {name}", verb.options)
        yield from _options(verb.options)


def _synopsis(
    name: str, options: Iterable[Option], more: tuple[str, ...] = ()
) -> Iterator[str]:
    yield f".SY {_quoted(name)}"
    for option in sorted(options, key=lambda option: not option.is_flag):
        shown = _spelled(option.names[0], option)
        is_left_out = option.is_flag or option.settings.get("nargs") == "?"
        yield f"[{shown}]" if is_left_out else shown
    yield from (rf"\fI{word}\fR" for word in more)
    yield ".YS"


def _options(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        names = option.names if option.is_flag else option.names[:1]
        yield ".TP 8"
        yield ", ".join(_spelled(name, option) for name in names)
        yield _text(f"{option.help}.")


def _spelled(name: str, option: Option) -> str:
    """Return an option with its value, or an argument by the name of its value."""
    choices = option.settings.get("choices")
    value = "|".join(choices) if choices else str(option.settings.get("metavar", ""))
    if not option.is_flag:
        return rf"\fI{_text(value)}\fR"
    shown = rf"\fB{_text(name)}\fR"
    return rf"{shown}\~\fI{_text(value)}\fR" if option.takes_value else shown


def _table(rows: dict[str, str]) -> Iterator[str]:
    for name, says in rows.items():
        yield from (".TP 8", rf"\fB{_text(name)}\fR", _text(f"{says}."))


def _quoted(text: str) -> str:
    return f'"{_text(text)}"'


def _text(text: str) -> str:
    r"""Return a text that is read as itself; no line of it is a request."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("~", r"\(ti")
    escaped = escaped.replace("'", r"\(aq")
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


if __name__ == "__main__":
    sys.stdout.write(manual())
