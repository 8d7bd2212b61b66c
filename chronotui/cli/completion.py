"""The verb `completion`: a script for a shell, made from the table of verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.cli.parser import DESK, GLOBAL, VERBS, Option, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chronotui.cli.invocation import Invocation

_NAMES: Final = (
    "chronotui profile list -o json 2>/dev/null | "
    """sed -n 's/.*"name": "\\([^"]*\\)".*/\\1/p'"""
)
"""Prints the names of the profiles, one a line."""

_BASH: Final = """\
# bash completion for chronotui: source <(chronotui completion bash)
_chronotui() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
  local path= word value= flags=
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    [[ $value && $word == = ]] && continue
    [[ $value ]] && {{ value=; continue; }}
    case "$word" in
      {valued}) value=1;;
      *) case "$path $word" in
        {paths}) path="$path $word";;
      esac;;
    esac
  done
  COMPREPLY=()
  case "$path $prev" in
{values}
  esac
  case "$path" in
{words}
  esac
  if [[ $cur == -* || ${{#COMPREPLY[@]}} -eq 0 ]]; then
    COMPREPLY+=($(compgen -W "$flags" -- "$cur"))
  fi
}}
complete -F _chronotui chronotui
"""

_ZSH: Final = """\
#compdef chronotui
# zsh completion for chronotui: source <(chronotui completion zsh), or this file as
# _chronotui in a folder of $fpath.
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}
_chronotui_profiles() {{
  local -a names
  names=(${{(f)"$({names})"}})
  compadd -a names
}}
{commands}
if [[ $funcstack[1] == _chronotui ]]; then
  _chronotui "$@"
else
  compdef _chronotui chronotui
fi
"""

_ZSH_SIGNS: Final = frozenset('\\[]:"`$')

_FISH: Final = """\
# fish completion for chronotui: chronotui completion fish | source
function __chronotui_at
    set -l path ""
    set -l value
    for word in (commandline -opc)[2..-1]
        if set -q value[1]
            set -e value[1]
        else if contains -- $word {valued}
            set value 1
        else if contains -- "$path $word" {paths}
            set path "$path $word"
        end
    end
    test "$path" = "$argv[1]"
end
complete -c chronotui -f
"""


class Command(NamedTuple):
    """A command, its words in front of it."""

    path: tuple[str, ...]
    options: list[Option]
    verbs: tuple[Verb, ...]

    @property
    def joined(self) -> str:
        return "".join(f" {word}" for word in self.path)

    @property
    def flags(self) -> list[Option]:
        return [option for option in self.options if option.is_flag]

    @property
    def arguments(self) -> list[Option]:
        return [option for option in self.options if not option.is_flag]


def completion(invocation: Invocation) -> int:
    scripts = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
    invocation.output.write(scripts[invocation.options.shell]())
    return 0


def _commands() -> Iterator[Command]:
    yield Command((), [*GLOBAL, *DESK], VERBS)
    for verb in VERBS:
        yield from _below((verb.name,), verb)


def _below(path: tuple[str, ...], verb: Verb) -> Iterator[Command]:
    yield Command(path, [*verb.options, *verb.inherited], verb.verbs)
    for inner in verb.verbs:
        yield from _below((*path, inner.name), inner)


def _paths() -> list[str]:
    return [command.joined for command in _commands() if command.path]


def _valued() -> list[str]:
    """Return the options behind which a word is a value, whatever verb it may be."""
    names = [
        name
        for command in _commands()
        for option in command.flags
        if option.takes_value
        for name in option.names
    ]
    return list(dict.fromkeys(names))


def bash_script() -> str:
    values, words = [], []
    for command in _commands():
        for option in command.flags:
            if option.takes_value:
                keys = "|".join(f'"{command.joined} {name}"' for name in option.names)
                values.append(f"    {keys}) {_bash_offer(option)}; return;;")
        names = [name for option in command.flags for name in option.names]
        offers = [f'flags="{" ".join(names)}"']
        if command.verbs:
            offers.append(_bash_words(verb.name for verb in command.verbs))
        offers += [_bash_offer(o) for o in command.arguments if _is_offered(o)]
        words.append(f'    "{command.joined}") {"; ".join(offers)};;')
    return _BASH.format(
        valued="|".join(_valued()),
        paths="|".join(f'"{path}"' for path in _paths()),
        values="\n".join(values),
        words="\n".join(words),
    )


def _is_offered(option: Option) -> bool:
    return bool(option.suggest or option.complete)


def _bash_offer(option: Option) -> str:
    if option.complete == "file":
        return "compopt -o default 2>/dev/null"
    if option.complete == "profile":
        return _bash_words([f"$({_NAMES})"])
    return _bash_words(option.suggest) if option.suggest else ":"


def _bash_words(words: Iterable[str]) -> str:
    return f'COMPREPLY+=($(compgen -W "{" ".join(words)}" -- "$cur"))'


def zsh_script() -> str:
    functions = "\n".join(_zsh_function(command) for command in _commands())
    return _ZSH.format(names=_NAMES, commands=functions)


def _zsh_function(command: Command) -> str:
    specs = [spec for option in command.flags for spec in _zsh_flag(option)]
    name = "_".join(["_chronotui", *command.path])
    if not command.verbs:
        specs += [f"':{_zsh_value(option)}'" for option in command.arguments]
        return f"{name}() {{\n  _arguments -s -S \\\n    {_lines(specs)}\n}}"
    verbs = " ".join(
        f'{verb.name}\\:"{_zsh_text(verb.help)}"' for verb in command.verbs
    )
    specs += [f"'1:command:(({verbs}))'", "'*::argument:->below'"]
    cases = "\n".join(f"    {v.name}) {name}_{v.name};;" for v in command.verbs)
    return (
        f"{name}() {{\n"
        "  local curcontext=$curcontext state\n  local -a line\n"
        f"  _arguments -s -S -C \\\n    {_lines(specs)}\n"
        "  [[ $state == below ]] && case $line[1] in\n"
        f"{cases}\n  esac\n}}"
    )


def _lines(specs: list[str]) -> str:
    return " \\\n    ".join(specs)


def _zsh_flag(option: Option) -> Iterator[str]:
    """Yield what `_arguments` is told of an option, for each of its spellings."""
    names = " ".join(option.names)
    before = "*" if option.settings.get("action") == "append" else f"({names})"
    value = f":{_zsh_value(option)}" if option.takes_value else ""
    for name in option.names:
        ties = "" if not value else "=" if name.startswith("--") else "+"
        yield f"'{before}{name}{ties}[{_zsh_text(option.help)}]{value}'"


def _zsh_value(option: Option) -> str:
    name = _zsh_text(str(option.settings.get("metavar", "value")))
    if option.suggest:
        return f"{name}:({' '.join(option.suggest)})"
    looked_up = {"file": "_files", "profile": "_chronotui_profiles"}
    return f"{name}:{looked_up.get(option.complete, ' ')}"


def _zsh_text(text: str) -> str:
    """Return a text as it may stand in a specification in single quotes."""
    escaped = "".join(f"\\{c}" if c in _ZSH_SIGNS else c for c in text)
    return escaped.replace("'", "'\\''")


def fish_script() -> str:
    paths = " ".join(f'"{path}"' for path in _paths())
    lines = [_FISH.format(valued=" ".join(_valued()), paths=paths)]
    for command in _commands():
        when = f"complete -c chronotui -n '__chronotui_at \"{command.joined}\"'"
        lines += [
            f"{when} -a {verb.name} -d {_fish_text(verb.help)}\n"
            for verb in command.verbs
        ]
        lines += [f"{when} {_fish_option(option)}\n" for option in command.options]
    return "".join(lines)


def _fish_option(option: Option) -> str:
    words = []
    for name in option.names if option.is_flag else ():
        kind = "-l" if name.startswith("--") else "-s"
        words.append(f"{kind} {name.lstrip('-')}")
    if option.is_flag and option.takes_value:
        words.append("-rF" if option.complete == "file" else "-x")
    if option.suggest:
        words.append(f"-a {_fish_text(' '.join(option.suggest))}")
    elif option.complete == "profile":
        words.append(f"-a {_fish_text(f'({_NAMES})')}")
    words.append(f"-d {_fish_text(option.help)}")
    return " ".join(words)


def _fish_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
