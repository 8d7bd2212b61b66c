"""The verb `completion`: a script for a shell, made from the table of verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.cli.parser import DESK, GLOBAL, VERBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chronotui.cli.invocation import Invocation
    from chronotui.cli.parser import Option, Verb

_BASH = """\
# bash completion for chronotui: source <(chronotui completion bash)
_chronotui() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} path= word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$path $word" in
{paths}
    esac
  done
  COMPREPLY=()
  case "$path $prev" in
{values}
  esac
  case "$path" in
{words}
  esac
}}
complete -o bashdefault -F _chronotui chronotui
"""
_PROFILES = "chronotui profile list -o json 2>/dev/null | "
_NAMES = _PROFILES + 'sed -n \'s/.*"name": "\\([^"]*\\)".*/\\1/p\''


def completion(invocation: Invocation) -> int:
    scripts = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
    invocation.output.write(scripts[invocation.options.shell]())
    return 0


def bash_script() -> str:
    paths: list[str] = []
    values: list[str] = []
    words: list[str] = []
    for path, options, verbs in _commands():
        joined = "".join(f" {word}" for word in path)
        paths.extend(
            f'      "{joined} {verb.name}") path="{joined} {verb.name}";;'
            for verb in verbs
        )
        for option in options:
            offer = _bash_offer(option)
            if option.is_flag and offer:
                keys = "|".join(f'"{joined} {name}"' for name in option.names)
                values.append(f"    {keys}) COMPREPLY=({offer}); return;;")
        flags = [name for option in options if option.is_flag for name in option.names]
        offered = " ".join([*flags, *(verb.name for verb in verbs)])
        extra = [_bash_offer(option) for option in options if not option.is_flag]
        more = " ".join(filter(None, extra))
        offer = f'$(compgen -W "{offered}" -- "$cur") {more}'.rstrip()
        words.append(f'    "{joined}") COMPREPLY=({offer});;')
    return _BASH.format(
        paths="\n".join(paths), values="\n".join(values), words="\n".join(words)
    )


def zsh_script() -> str:
    return (
        "#compdef chronotui\n"
        "# zsh completion for chronotui: source <(chronotui completion zsh)\n"
        "autoload -U +X bashcompinit && bashcompinit\n" + bash_script()
    )


def fish_script() -> str:
    lines = ["# fish completion for chronotui: chronotui completion fish | source"]
    for path, options, verbs in _commands():
        when = _fish_condition(path, verbs)
        lines.extend(
            f"{when} -f -a {verb.name} -d {_quoted(verb.help)}" for verb in verbs
        )
        lines.extend(_fish_option(when, option) for option in options)
    return "\n".join(lines) + "\n"


def _commands() -> Iterator[tuple[tuple[str, ...], list[Option], tuple[Verb, ...]]]:
    """Yield each command: its words, its options and the verbs below it."""
    yield (), [*GLOBAL, *DESK], VERBS
    for verb in VERBS:
        yield from _below((verb.name,), verb)


def _below(
    path: tuple[str, ...], verb: Verb
) -> Iterator[tuple[tuple[str, ...], list[Option], tuple[Verb, ...]]]:
    yield path, [*verb.options, *verb.inherited], verb.verbs
    for inner in verb.verbs:
        yield from _below((*path, inner.name), inner)


def _bash_offer(option: Option) -> str:
    if option.suggest:
        return f'$(compgen -W "{" ".join(option.suggest)}" -- "$cur")'
    if option.complete == "file":
        return '$(compgen -f -- "$cur")'
    if option.complete == "profile":
        return f'$(compgen -W "$({_NAMES})" -- "$cur")'
    return ""


def _fish_condition(path: tuple[str, ...], verbs: Iterable[Verb]) -> str:
    if not path:
        return "complete -c chronotui -n __fish_use_subcommand"
    seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path)
    inner = " ".join(verb.name for verb in verbs)
    rest = f"; and not __fish_seen_subcommand_from {inner}" if inner else ""
    return f"complete -c chronotui -n '{seen}{rest}'"


def _fish_option(when: str, option: Option) -> str:
    words = [when]
    for name in option.names if option.is_flag else ():
        kind = "-l" if name.startswith("--") else "-s"
        words.append(f"{kind} {name.lstrip('-')}")
    if option.is_flag and option.takes_value:
        words.append("-r" if option.complete == "file" else "-x")
    elif not option.is_flag:
        words.append("-f")
    if option.suggest:
        words.append(f"-a {_quoted(' '.join(option.suggest))}")
    elif option.complete == "profile":
        words.append(f"-a {_quoted(f'({_NAMES})')}")
    words.append(f"-d {_quoted(option.help)}")
    return " ".join(words)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
