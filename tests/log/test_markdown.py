"""Whatever a server sends stands in Markdown as it is, and is markup nowhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from chronotui.log.card import CardNews, JobCard, KindCount
from chronotui.log.excerpts import Excerpt, LogExcerpts
from chronotui.log.handoff import Origin
from chronotui.log.markdown import NOTHING, code, document, fenced, said
from chronotui.model import STDERR, Job, JobStatus, LogLine, Trigger
from chronotui.text import clean, printable_line

HOSTILE = (
    "```",
    "````\n# out",
    "~~~",
    "`a``b`",
    "</details><script>alert(1)</script>",
    "![x](http://x/y.png) @channel <!here> #1 [red]x[/]",
    "\x1b]52;c;QQ==\a\x1b[31mred\x1b[0m \u202e gnp.exe",
    "    indented",
    "a\rb\r100 %",
    "| a | b |\n|---|---|",
    "**bold** _it_ &lt; \\` $x$",
    " ",
    "",
    "> quote",
    "- [ ] task",
    "\u2028\x85\x00\ud800\ufeff",
    "`",
)
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(alphabet="`~\\ \n\ta<*_#>|[", max_size=12),
    st.text(max_size=20),
)
PARSERS = ("commonmark", "gfm-like")


def parsed(text: str, dialect: str) -> list[tuple[str, str]]:
    """Return blocks and inline pieces of a text, with what they hold."""
    found = []
    for token in MarkdownIt(dialect).parse(text):
        if token.type == "inline":
            found += [(each.type, each.content) for each in token.children or ()]
        elif not token.type.startswith("paragraph_"):
            found.append((token.type, token.content))
    return found


@pytest.mark.parametrize("dialect", PARSERS)
@given(names=st.lists(texts, min_size=1, max_size=3), lines=st.lists(texts, min_size=1))
def test_names_are_code_and_lines_are_fenced_and_nothing_else_is_there(
    dialect: str, names: list[str], lines: list[str]
) -> None:
    words = " and ".join(map(code, names))
    text = document([f"Of {words}.", fenced(lines), "After it.", fenced(lines)])
    pieces = parsed(text, dialect)
    shown = [clean(name) for name in names]
    spans = [content for kind, content in pieces if kind == "code_inline"]
    assert spans == [name for name in shown if name.strip()]
    outside = "".join(content for kind, content in pieces if kind == "text")
    left = " and ".join("" if name.strip() else NOTHING for name in shown)
    assert outside == f"Of {left}.After it."
    quoted = "\n".join(map(printable_line, lines)) + "\n"
    assert [content for kind, content in pieces if kind == "fence"] == [quoted] * 2
    assert {kind for kind, _ in pieces} <= {"code_inline", "text", "fence"}


sentences = st.one_of(
    texts,
    st.sampled_from(
        [
            "see www.x.com",
            "http://x/y",
            "a :smile: b",
            "#1 @me",
            "sealed ✓ 48,211 lines, 0 missing",
            "1. a",
            "- a",
            "+ a",
        ]
    ),
)


@pytest.mark.parametrize("dialect", PARSERS)
@given(sentences)
def test_a_sentence_with_a_servers_words_is_words_alone(
    dialect: str, sentence: str
) -> None:
    pieces = parsed(document([f"Log: {said(sentence)}."]), dialect)
    assert {kind for kind, _ in pieces} <= {"code_inline", "text"}
    shown = clean(sentence).strip()
    told = "".join(content for _kind, content in pieces)
    assert told == f"Log: {shown or NOTHING}."


def test_plain_words_need_no_marks() -> None:
    words = "sealed ✓ 48,211 lines, 3 missing; read at 10:12 in 4.8 s (the rest: not)"
    assert said(words) == words
    assert said("ask @ops") == "`ask @ops`"


def test_a_fence_has_no_more_marks_than_it_needs() -> None:
    assert fenced(["plain"]) == "```\nplain\n```"
    assert fenced(["a ``` b"]).startswith("````\n")
    assert code("plain") == "`plain`"


MOMENT = datetime(2026, 3, 3, 9, 0, 3, tzinfo=UTC)
JOB = Job(
    "77aa09",
    "w1",
    JobStatus.FAILED,
    Trigger.AUTOMATIC,
    started_at=MOMENT,
    completed_at=MOMENT + timedelta(seconds=125),
)


def a_line(message: str, number: int = 1, attempt: int = 1) -> LogLine:
    return LogLine(attempt, number, STDERR, 1_772_528_400_000_000_000, message)


def a_card(**changes: object) -> JobCard:
    card = JobCard(
        origin=Origin("w1", "77aa09", "nightly-report", "77aa09"), job=JOB, now=MOMENT
    )
    return replace(card, **changes)


@pytest.mark.parametrize("dialect", PARSERS)
@given(texts, st.lists(texts, min_size=1, max_size=4), st.lists(texts, max_size=3))
@example("x", ["```", "out"], ["`"])
def test_a_card_holds_the_log_whole_and_is_markup_of_ours_alone(
    dialect: str, name: str, messages: list[str], kinds: list[str]
) -> None:
    error = Excerpt.of([a_line(each, n) for n, each in enumerate(messages)], 0)
    text = a_card(
        origin=Origin("w1", "j1", name, name),
        job=replace(JOB, status=JobStatus(name), trigger=Trigger(name)),
        log=LogExcerpts(error, error, 5),
        news=CardNews(replace(JOB, id=name), [KindCount(each, 2) for each in kinds]),
        verdict=name,
    ).text()
    pieces = parsed(text, dialect)
    fences = [content for kind, content in pieces if kind == "fence"]
    assert fences.count("\n".join(map(printable_line, messages)) + "\n") >= 2
    ours = {"text", "fence", "code_inline", "strong_open", "strong_close"}
    assert {kind for kind, _ in pieces} <= ours
    spans = [content for kind, content in pieces if kind == "code_inline"]
    assert all(content == clean(content) for content in spans)
    assert [kind for kind, _ in pieces].count("strong_open") == 1


def test_a_card_says_what_when_and_how_long_against_usual() -> None:
    heading = a_card(attempts=3, usual=930.0).text().splitlines()[0]
    assert heading == (
        "**`nightly-report` `77aa09` FAILED** after 2:05 (usually 15:30), 3 attempts, "
        "2026-03-03 09:00:03 to 09:02:08 UTC, trigger AUTOMATIC"
    )
    assert "(usually 0:40, 3.1×)" in a_card(usual=40.0).text()


def test_the_command_opens_the_line_the_error_begins_with() -> None:
    lines = [
        a_line("before", 684, 3),
        a_line("Traceback", 686, 3),
        a_line("end", 690, 3),
    ]
    text = a_card(log=LogExcerpts(Excerpt.of(lines, 1), None, 3)).text()
    assert "--line 3:686:stderr`" in text
    assert "Last error, attempt 3, line 686," in text
    assert "and the end of the log from line 684 on:" in text


def test_what_is_too_long_is_cut_and_said() -> None:
    many = Excerpt.of([a_line("x" * (5000 if n == 2 else 1), n) for n in range(1000)])
    text = a_card(log=LogExcerpts(None, many, 1000)).text()
    assert "(800 lines left out here.)" in text
    assert "(1 line is cut at 2,000 characters.)" in text
    assert len(text) < 8000
