"""Passages with colour, foreign scripts, and text that attacks a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chronotui.model import STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.demo.dice import Dice
    from chronotui.demo.phrases.book import Phrase

HOSTILE: Final = (
    "title \x1b]0;you have been renamed\x07 set",
    "clear \x1b[2J\x1b[H the screen",
    "copy \x1b]52;c;cm0gLXJmIC8=\x07 to the clipboard",
    "link \x1b]8;;https://evil.example\x1b\\click me\x1b]8;;\x1b\\",
    "markup [red]not red[/red] [/] [bold @click=app.quit]quit[/]",
    "nul \x00 bell \x07 backspace \b\b\b delete \x7f vertical \x0b form \x0c",
    "c1 \x9b31m csi \x9d0;title\x9c and \x85 next line",
    "bidi \u202egpj.exe\u202c isolate \u2066abc\u2069",
    "zero\u200bwidth\u200djoiner\ufeff bom",
    "separators \u2028 and \u2029 inside",
    "combining Z\u0351\u036b\u0343a\u0363\u0341l\u0348\u0358go",
    "half a sequence \x1b[38;5",
    "dcs \x1bP1$r0m\x1b\\ apc \x1b_hidden\x1b\\ pm \x1b^secret\x1b\\",
    "answer me \x1b[6n\x1b[c\x1b[>q",
    "alternate \x1b[?1049h screen \x1b[?1000h mouse",
    "bad bytes \ufffd\ufffd here",
    "tabs\tand\tmore\ttabs",
    "cr only\roverwritten",
    'json? {"level":"error","broken":',
    "</script><b>html</b> &amp; %s %d {0} ${HOME} `id`",
)
"""Messages that must come out harmless wherever they are shown."""

HOSTILE_NAME: Final = "deploy [red]prod[/] \x1b]0;owned\x07\u202etxt.sh\u202c 🚀"

_STEPS: Final = ("deps", "compile", "test", "lint", "package", "push")
_WORDS: Final = (
    "订单已处理",
    "ユーザーを登録しました",
    "주문이 완료되었습니다",
    "заказ принят",
    "تم استلام الطلب",
    "ordre reçu",
    "👩‍👩‍👧‍👦 family plan",
    "🇳🇴 pakke sendt",
)


def build_step(dice: Dice, number: str) -> Iterator[Phrase]:
    """Coloured steps of an image build."""
    step = dice.pick(_STEPS)
    yield STDOUT, f"\x1b[1;34m#{dice.between(4, 30)}\x1b[0m [{step}] layer {number}"
    if dice.chance(0.6):
        yield (
            STDOUT,
            (
                f"\x1b[2m#{dice.between(4, 30)}\x1b[0m \x1b[32m✔\x1b[0m {step} "
                f"{dice.spread(0.1, 9):.1f}s "
                f"\x1b[38;5;{dice.between(16, 231)}mcached\x1b[0m"
            ),
        )


def compiler(dice: Dice, number: str) -> Iterator[Phrase]:
    """Compiler warnings, coloured, on stderr."""
    line = dice.between(1, 900)
    yield (
        STDERR,
        (
            f"\x1b[1msrc/module_{number}.c:{line}:{dice.between(1, 80)}: "
            "\x1b[35mwarning:\x1b[0m unused variable ‘\x1b[1mtmp\x1b[0m’"
        ),
    )
    yield STDERR, f"\x1b[31m{' ' * dice.between(4, 20)}^~~~\x1b[0m"
    yield STDOUT, f"\x1b[38;2;{dice.below(256)};180;90mrecovered\x1b[0m {number}"


def pull(dice: Dice, number: str) -> Iterator[Phrase]:
    r"""A download bar drawn over itself with ``\r``, in colour."""
    total = dice.between(20, 300)
    states = (
        f"pulling {number} \x1b[36m{'━' * part}\x1b[2m{'━' * (10 - part)}\x1b[0m "
        f"{total * part // 10}/{total} MB"
        for part in (1, 4, 7, 10)
    )
    yield STDOUT, "\r".join(states)


def message(dice: Dice, number: str) -> Iterator[Phrase]:
    """What a consumer of many tongues says."""
    yield STDOUT, f"[{dice.between(0, 11):02d}] {number} {dice.pick(_WORDS)}"


def offset(dice: Dice, number: str) -> Iterator[Phrase]:
    """A consumer's offsets as JSON."""
    yield (
        STDOUT,
        (
            f'{{"level":"info","partition":{dice.below(12)},"offset":"{number}",'
            f'"lag":{dice.below(500)},"text":"{dice.pick(_WORDS)}"}}'
        ),
    )


def java_trace(dice: Dice, number: str) -> Iterator[Phrase]:
    """A stack trace of the other family."""
    yield STDERR, f"java.lang.IllegalStateException: partition {number} revoked"
    for _ in range(dice.between(2, 5)):
        place = dice.between(20, 400)
        yield STDERR, f"\tat com.example.consumer.Poller.run(Poller.java:{place})"
    yield STDOUT, f"rejoined the group as member {dice.below(1 << 32):08x}"


def hostile(dice: Dice, number: str) -> Iterator[Phrase]:
    """A line that attacks the terminal it is shown in."""
    yield dice.pick((STDOUT, STDERR)), f"{dice.pick(HOSTILE)} {number}"


def wide_line(dice: Dice, number: str) -> Iterator[Phrase]:
    """A line far wider than any screen."""
    yield STDOUT, f"dump {number} " + f"{dice.below(1 << 64):016x}" * 100


def giant_line(dice: Dice, number: str) -> Iterator[Phrase]:
    """A line of 64 KiB, the longest there is."""
    unit = f"{dice.below(1 << 64):016x}"
    head = f'{{"level":"debug","dump":"{number}'
    yield STDOUT, f'{head}{(unit * 4096)[: 65536 - len(head) - 5]}"}}'
