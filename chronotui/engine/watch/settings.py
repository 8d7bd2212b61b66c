"""What a watch is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from chronotui.engine.watch.timing import WatchTiming


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """How one job's log is watched.

    Attributes:
        poll_seconds: How often the job is asked for its state (profile key
            ``poll_seconds``).
        tail: So many retained lines are read back on opening; None reads from the
            first line (recording, following from the start).
        since_ns: Nothing before this time (nanoseconds since the epoch) is read
            back, nor counts as missing.
        may_sign_in: Whether somebody can sign in again while the watch waits; if
            not, a session that cannot be renewed ends the watch with its error.
        waits: Whether a first refusal of the job is said and asked about again, as on
            the desk; if not, it ends the watch at once.
        timing: Every delay.
    """

    poll_seconds: float = 5.0
    tail: int | None = 1000
    since_ns: int | None = None
    may_sign_in: bool = True
    waits: bool = True
    timing: WatchTiming = field(default_factory=WatchTiming)
