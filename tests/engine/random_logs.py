"""Logs of jobs with messages of every kind, doubled numbers and lost lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronotui.demo.scripts import ScriptLine
from chronotui.model import STDERR

if TYPE_CHECKING:
    from random import Random

MESSAGES = (
    "plain",
    'quoted "x" \\ y',
    "\x1b[31mred\x1b[0m",
    "10 %\r20 %\r",
    "\x00\x7f\u2028 東京🙂",
    "--- ERROR: failed to fetch logs ---",
    '{"message_raw":"x","a":[1,{"b":null}]}',
    "x" * 3000,
)


def script_of(random: Random, *, attempts: int, lost: float) -> list[ScriptLine]:
    script: list[ScriptLine] = []
    for attempt in range(1, attempts + 1):
        doubled = random.choice([0.0, 0.1])
        for n in range(random.randrange(120, 400)):
            retained = None if random.random() < lost else 0.0
            message = f"{attempt}.{n} {random.choice(MESSAGES)}"
            stream = random.choice(["stdout", "stdout", STDERR])
            after = 2.0 if attempt > 1 and not n else 0.001
            line = ScriptLine(
                message, stream, attempt=attempt, after=after, retained=retained
            )
            script.append(line)
            if random.random() < doubled:
                other = "stdout" if stream == STDERR else STDERR
                script.append(
                    ScriptLine(
                        "other", other, with_previous=True, after=0.0, retained=0.0
                    )
                )
        script += [
            ScriptLine(f"end {n}", attempt=attempt, after=0.001, retained=0.0)
            for n in range(random.choice([0, 0, 90]))
        ]
    return script
