"""A figure of ours, a reference measured in the same run, and their ratio."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    ``ours`` and ``reference`` are in the same unit; the ratio is ours / reference
    and must not be more than ``goal`` (``at_least`` turns that round). Without a
    goal the row is for information and has no verdict.
    """

    name: str
    ours: float
    reference: float
    goal: float | None
    against: str = ""
    unit: str = "ms"
    at_least: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.reference if self.reference else float("inf")

    @property
    def is_met(self) -> bool:
        if self.goal is None:
            return True
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal

    @property
    def verdict(self) -> str:
        """The last two cells of its row: goal and whether it is met."""
        if self.goal is None:
            return "|"
        sign = "≥" if self.at_least else "≤"
        return f"{sign} {self.goal:g} | {'met' if self.is_met else '**missed**'}"


def interleaved(
    *measures: Callable[[], float], runs: int = 5, warm_up: int = 1
) -> list[float]:
    """Return the median of each measure, taken in turn so that drift hits all."""
    taken: list[list[float]] = [[] for _ in measures]
    for run in range(warm_up + runs):
        for measure, values in zip(measures, taken, strict=True):
            value = measure()
            if run >= warm_up:
                values.append(value)
    return [median(values) for values in taken]


def seconds(call: Callable[[], object]) -> float:
    """Return how long one call takes, in seconds."""
    start = perf_counter()
    call()
    return perf_counter() - start


def table(figures: list[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        "| what | ours | reference | ratio | goal | |",
        "|---|---|---|---|---|---|",
    ]
    for figure in figures:
        scale = 1000 if figure.unit == "ms" else 1
        lines.append(
            f"| {figure.name} | {figure.ours * scale:,.4g} {figure.unit} "
            f"| {figure.reference * scale:,.4g} {figure.unit} {figure.against} "
            f"| {figure.ratio:.2f} | {figure.verdict} |"
        )
    return "\n".join(lines)
