"""Which new kind of line is the likely cause of a failure.

What fails loudly is seldom why: an exception, a retry and a refusal follow from
something that was said before, often once and calmly. So the first line counts that is
suspect enough, not the loudest. Suspect is what names an error; what says that
something is not as it should be; and what tells another outcome of a step that the good
run has as well ("peer ready", "peer parked"). Two of these make a line suspect, or an
exception by its name. What was put right, what is only deprecated and what the good run
says with another value is none.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from enum import IntEnum
from functools import cache
from math import fsum, log
from typing import TYPE_CHECKING, Final, NamedTuple

from chronotui.log.errors import Shape, shape_of
from chronotui.log.levels import LOOKED_AT, Level, level_of
from chronotui.model import STDERR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Set

    from chronotui.log.differences import KindChange
    from chronotui.model import LogLine

SUSPECT: Final = 4
"""Points of evidence from which a line is suspect."""

COMPLAINT_POINTS: Final = 2
OUTCOME_POINTS: Final = 2
REASON_POINTS: Final = 1

PERSISTS: Final = 3
PERSISTS_POINTS: Final = 1
"""Of a warning that is said so often: what it warns of goes on."""

LEAST_SHARED: Final = 0.5
"""Share of a known kind's words, the rare ones counting most, that make it the same
step."""

LEAST_WORDS: Final = 4
"""Words of a kind that differs from a known one in a value alone, at least."""

MOST_ALIKE: Final = 50
"""Kinds that have a word, beyond which it tells nothing of a step."""

MOST_COMPARED: Final = 50
"""Known kinds that a new one is compared with."""


class Weight(IntEnum):
    """How loudly a line tells of an error, least first."""

    PLAIN = 0
    COMPLAINS = 1
    """A word of it is one that things go wrong with."""
    WARNS = 2
    STDERR = 3
    """On stderr and of no level."""
    ERROR = 4
    RAISED = 5
    """An exception or a crash by its name."""


_POINTS: Final = {
    Weight.WARNS: 1,
    Weight.STDERR: 2,
    Weight.ERROR: 3,
    Weight.RAISED: 4,
}
_BY_LEVEL: Final = {
    Level.WARNING: Weight.WARNS,
    Level.ERROR: Weight.ERROR,
    Level.FATAL: Weight.ERROR,
}
_HEADINGS: Final = ("Traceback", "Exception Group Traceback")
"""Begin a traceback without saying what happened."""

_CODE: Final = ("raise ", "throw ", "return ", "File ", "assert ", "await ")

_CAUSED: Final = "Caused by: "

_LEVEL_WORDS: Final = frozenset(
    ("debug", "info", "notice", "warn", "warning", "error", "fatal", "critical")
)

_SHELL_TRACE: Final = "+ "
"""Begins a command that a shell says on stderr before it runs it."""


@cache
def _complaint() -> re.Pattern[str]:
    """Something is not as it should be, in one word or two."""
    wrong = (
        *("fail", "reject", "invalid", "mismatch", "unexpected", "differ", "duplicate"),
        *(
            "conflict",
            "corrupt",
            "truncated",
            "broken",
            "crash",
            "malformed",
            "illegal",
        ),
    )
    away = (
        *("missing", "absent", "lost", "unknown", "undefined", "unset", "unavailable"),
        *("unreachable", "incomplete", "partial", "stale", "no such", "no space"),
        *("no route", "without"),
    )
    refused = (
        *("refus", "denied", "forbidden", "unauthori", "expire", "revoked", "killed"),
        *("abort", "exceed", "timed out", "timeout", "time-out", "out of memory"),
        *("deadlock", "unable", "unsupported", "degraded", "fallback"),
        *("falling back", "fell back", "instead", "expected"),
        r"using (?:the )?(?:latest|last|previous|old|default|cached)",
    )
    words = "|".join((*wrong, *away, *refused))
    negations = r"not|cannot|\w{2,6}n't"
    return re.compile(
        rf"\b(?:{words})|error|exception|oomkilled|\b(?:{negations}|full|limits|oom)\b",
        re.IGNORECASE,
    )


@cache
def _nothing_wrong() -> re.Pattern[str]:
    """``0 errors``, ``failed=0``, ``as expected``: a complaint's word, and none."""
    named = r"(?:errors?|fail(?:ed|ures?)|skipped|rejected|missing|exceptions?|lost)"
    return re.compile(
        rf"\b(?:0|no) {named}\b|\b{named}\s?[=:]\s?0\b|\bas expected\b", re.IGNORECASE
    )


@cache
def _level_said() -> re.Pattern[str]:
    """A level by its name, which is no word of complaint."""
    return re.compile(
        r"\b(?:level|lvl|severity)=\w+|\b(?:ERROR|FATAL|CRITICAL|WARN(?:ING)?)\b"
        r"|^\W*(?:error|fatal|critical|warn(?:ing)?)\b"
    )


@cache
def _tried_again() -> re.Pattern[str]:
    """It will be tried again: whether that failed is said later."""
    return re.compile(r"\bretr(?:y|ies|ying)\b|\bagain\b", re.IGNORECASE)


def is_tried_again(kind: str) -> bool:
    return _tried_again().search(kind) is not None


@cache
def _reason() -> re.Pattern[str]:
    """What the world is like that a program meets: the end of asking why.

    The first group are those that nothing goes well with.
    """
    return re.compile(
        r"(?i)(no space|\bdenied\b|refused|\bexpired|not permitted|out of memory"
        r"|oomkilled|outofmemory|read-only file|unauthori[sz]ed|not authori[sz]ed"
        r"|forbidden|authentication failed|quota exceeded|unable to extend)"
        r"|no such|certificate|does not exist|duplicate key|no route|name resolution"
        r"|already (?:locked|in use|exists)|too many open|host key|quota"
    )


def reason_points(kind: str) -> int:
    """Return how much a line tells of the world, with which asking why ends."""
    found = _reason().search(kind)
    return 0 if found is None else REASON_POINTS * (1 + (found[1] is not None))


@cache
def _coded() -> re.Pattern[str]:
    """An error by its code, as compilers tell them: ``error TS2339: …``."""
    return re.compile(r"\berror(?:\[\w{1,12}\]| [A-Z]{1,4}\d{2,6}):")


@cache
def _summary() -> re.Pattern[str]:
    """How it ended, which says nothing of why."""
    return re.compile(
        r"(?i)\bexit(?:ed|s|ing)?(?: with)?\b.{0,20}(?:#|status|code)|^exit\b"
        r"|\bcompleted with\b|# of # \w+ (?:failed|skipped)|\bg(?:ave|iving) up\b"
        r"|\b(?:job|run|build|release|pipeline|playbook|batch|import|export|backup)s? "
        r"(?:has |was |is )?(?:failed|aborted|incomplete|stopped|not complete)"
        r"|did not complete|\berrors? during\b|^make: \*\*\*|failed to solve"
        r"|(?-i:\bFAILED)\W*$|: failed\W*$"
        r"|failed with result|\bmain process exited\b"
        r"|window (?:closed|missed)|\bnot fully\b|circuit (?:breaker|open)"
    )


@cache
def _settled() -> re.Pattern[str]:
    """What went wrong was put right, or will only go wrong in years."""
    return re.compile(
        r"deprecat|futurewarning|will be removed|"
        r"\b(?:recovered|restored|reconnected|resum(?:ed|ing)|rebuil(?:t|ding)|anew|"
        r"succeeded|renewed|fetched|upgraded)\b|"
        r"\b(?:took|taken|read|done|built|back|up|online)\b.{0,12}\bagain\b",
        re.IGNORECASE,
    )


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"[^\W\d]{2,64}(?:-[^\W\d]{2,64})*+")


def complains(text: str) -> bool:
    """Whether a line says that something is not as it should be."""
    text = _level_said().sub("", _nothing_wrong().sub("", text))
    return _complaint().search(text) is not None


def weight_of(line: LogLine) -> Weight:
    message = line.message
    shape = shape_of(message)
    is_heading = message.lstrip(" +|").startswith(_HEADINGS)
    is_raised = shape is Shape.RAISED or (shape is Shape.OPENS and not is_heading)
    if is_raised or is_root(message):
        return Weight.RAISED
    level = level_of(message)
    if level is not None:
        return _BY_LEVEL.get(level, Weight.PLAIN)
    if _coded().search(message[:LOOKED_AT]):
        return Weight.ERROR
    is_traced = message.startswith(_SHELL_TRACE)
    if shape is Shape.PLAIN and line.stream == STDERR and not is_traced:
        return Weight.STDERR
    return Weight.COMPLAINS if complains(message) else Weight.PLAIN


def is_root(message: str) -> bool:
    """Whether a line names the exception that another one was raised for, as Java."""
    return message.startswith(_CAUSED) and len(message) > len(_CAUSED)


class _Step(NamedTuple):
    """What a kind of the good run begins with: its words, and the rarest of them.

    ``at`` counts the kinds.
    """

    words: frozenset[str]
    rarest: str
    at: int


class KnownSteps:
    """The steps of a good run, told by the words of its kinds of lines.

    ``stderr_tells`` whether a line on stderr means anything: where most are, it does
    not.
    """

    def __init__(self, kinds: Iterable[str], *, stderr_tells: bool) -> None:
        self.stderr_tells = stderr_tells
        listed = list(kinds)
        said = [words_of(kind) for kind in listed]
        counts = Counter(word for words in said for word in set(words))
        self._common = {word for word, n in counts.items() if n > MOST_ALIKE}
        self._rarity = {word: log(1 + len(said) / n) for word, n in counts.items()}
        self._known: list[frozenset[str]] = []
        self._having: defaultdict[str, list[int]] = defaultdict(list)
        self._begun: defaultdict[str, list[_Step]] = defaultdict(list)
        self._went_well: list[bool] = []
        for kind, words in zip(listed, said, strict=True):
            telling = [word for word in words if word not in self._common]
            if telling:
                self._learn(telling, went_well=not complains(kind))

    def _learn(self, words: list[str], *, went_well: bool) -> None:
        for word in set(words):
            self._having[word].append(len(self._known))
        begins = words[: (len(words) + 1) // 2]
        rarest = max(begins, key=self._rarity.__getitem__)
        step = _Step(frozenset(begins), rarest, len(self._known))
        self._known.append(frozenset(words))
        self._went_well.append(went_well)
        self._begun[step.rarest].append(step)

    def outcomes_of(self, words: Set[str]) -> set[bool]:
        """Return whether a step went well in the good run: how often it is known.

        A known kind is of the same step that has half of its words among these; or half
        of those it begins with: a step is named first, its outcome then.
        """
        alike = (
            at for at in self._alike(words) if self._is_half(self._known[at], words)
        )
        begun = (
            step.at
            for word in words
            for step in self._begun.get(word, ())
            if self._is_half(step.words, words)
        )
        return {self._went_well[at] for at in (*alike, *begun)}

    def differs_in_a_value(self, words: Set[str]) -> bool:
        """Whether a known kind says the same with one other word, which is no news."""
        words = words - self._common
        return len(words) >= LEAST_WORDS and any(
            len(words - known) <= 1
            and len(known - words) <= 1
            and not complains(" ".join(words - known))
            for known in map(self._known.__getitem__, self._alike(words))
        )

    def _alike(self, words: Set[str]) -> Iterator[int]:
        """Yield the known kinds that have words of these, the likest first."""
        having = self._having
        shared = Counter(at for word in sorted(words) for at in having.get(word, ()))
        return (at for at, _n in shared.most_common(MOST_COMPARED))

    def _is_half(self, known: frozenset[str], words: Set[str]) -> bool:
        rarity = self._rarity
        # Not `sum`, which is another one in another order of the words.
        shared = fsum(rarity[word] for word in known & words)
        return shared >= LEAST_SHARED * fsum(rarity[word] for word in known)


def words_of(kind: str) -> list[str]:
    """Return the words of a kind in order, those of levels left out."""
    words = map(str.lower, _word().findall(kind))
    return [word for word in words if word not in _LEVEL_WORDS]


class Evidence(NamedTuple):
    """What there is against a new kind of line.

    Attributes:
        points: From ``SUSPECT`` on it is suspect.
        was_well: Whether the good run tells a good outcome of the same step.
    """

    points: int
    was_well: bool = False


NO_EVIDENCE: Final = Evidence(0)


def evidence(
    found: KindChange, weight: Weight, steps: KnownSteps, *, beside: bool
) -> Evidence:
    """Weigh what there is against a new kind of line.

    Args:
        weight: Of its line, where it stands.
        steps: Those of the good run.
        beside: Whether it stands next to a line that is suspect.
    """
    kind, line = found.kind, found.line
    if _settled().search(kind) or _summary().search(kind):
        return NO_EVIDENCE
    shape = shape_of(line.message)
    is_part = line.message[:1].isspace() or shape in (Shape.FRAME, Shape.BLANK)
    if is_part and not is_detail(line.message, beside=beside):
        return NO_EVIDENCE
    points = complains(kind) * COMPLAINT_POINTS * (1 + beside)
    points += reason_points(kind)
    if weight is Weight.WARNS and found.lines >= PERSISTS:
        points += PERSISTS_POINTS
    if weight is not Weight.STDERR or steps.stderr_tells:
        points += _POINTS.get(weight, 0)
    if points + OUTCOME_POINTS < SUSPECT:
        return NO_EVIDENCE
    words = frozenset(words_of(kind))
    if steps.differs_in_a_value(words):
        return NO_EVIDENCE
    outcomes = steps.outcomes_of(words)
    points += OUTCOME_POINTS * bool(outcomes)
    return Evidence(points, was_well=complains(kind) and True in outcomes)


def is_detail(message: str, *, beside: bool) -> bool:
    """Whether an indented line, below one that is suspect, says what was wrong."""
    is_code = message.lstrip().startswith(_CODE)
    return beside and shape_of(message) is Shape.GOES_ON and not is_code


def is_name(message: str) -> bool:
    """Whether a line may name an exception, at the end of a traceback."""
    name, _, _words = message.partition(":")
    return name.replace(".", "").isidentifier()


def is_heading(message: str) -> bool:
    """Whether a line tells of a crash whose words are on the next one."""
    crashed = message.startswith("thread '") and message.rstrip().endswith(":")
    return crashed or message.startswith("rake aborted!")
