"""What the ways of making a file share: the request, the part, the counts."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from chronotui.core.file_names import log_name
from chronotui.engine.saving.progress import Meter, SavePhase
from chronotui.engine.saving.threads import GRACE_SECONDS, in_thread
from chronotui.engine.watch.settings import WatchSettings
from chronotui.storage.atomic_file import AbandonedError, PartFile
from chronotui.storage.paths import spool_dir
from chronotui.storage.spool_file import SpoolFile
from chronotui.storage.target import Target, look, opening_problem, refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chronotui.api.chronoverse import Chronoverse
    from chronotui.core.log import Overflow
    from chronotui.engine.saving.request import SaveRequest


def _temporary_spool() -> Overflow:
    return SpoolFile(spool_dir(None))


class Work:
    """One save under way.

    ``notes`` gathers the sentences for the result, ``missing_lines`` counts lines
    known to exist that the server no longer has. ``sealed`` is False when a recording
    cannot be vouched for. ``part`` is the unfinished file once there is one;
    ``keep_anyway`` leaves it whatever the request says.
    """

    def __init__(
        self,
        client: Chronoverse,
        request: SaveRequest,
        spool: Callable[[], Overflow] | None = None,
        watch: WatchSettings | None = None,
    ) -> None:
        self.client = client
        self.request = request
        self.spool = spool or _temporary_spool
        self.watch = watch or WatchSettings(may_sign_in=False, waits=False)
        self.meter = Meter(request.known_lines)
        self.notes: list[str] = []
        self.missing_lines = 0
        self.sealed = True
        self.keep_anyway = False
        self.part: PartFile | None = None
        self._lock = threading.Lock()
        self._over = False

    def target_path(self, hint: str | None = None) -> Path:
        """Return the final path; ``hint`` is the server's file name."""
        request = self.request
        if request.path is not None:
            return request.path.expanduser()
        name = log_name(request.job_id, request.format.extension, hint=hint)
        return request.folder.expanduser() / name

    async def check_path(self) -> None:
        """Refuse a path that cannot work before anything is asked of the server.

        Raises:
            PathRefusedError: It exists and may not be replaced, or cannot be made.
        """
        await in_thread(self._check_path, lambda: None)

    def _check_path(self) -> None:
        request, path = self.request, self.target_path()
        target = look(path)
        if target is Target.NEW or (target is Target.NO_FOLDER and request.make_folder):
            return
        if target.replaceable and (request.overwrite or request.path is None):
            # Without a path the server's own name decides, known with its answer.
            return
        refuse(path, target)

    def open_part(self, hint: str | None = None) -> PartFile:
        """Begin the file; called in a worker thread.

        Raises:
            PathRefusedError: The path cannot be used.
            DownloadError: The disk is full.
            AbandonedError: The save is over already.
        """
        path = self.target_path(hint)
        if self.request.make_folder:
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as problem:
                raise opening_problem(problem, path) from problem
        part = PartFile(path, overwrite=self.request.overwrite)
        with self._lock:
            if not self._over:
                self.part = part
                return part
        part.discard()
        raise AbandonedError

    async def drop_part(self) -> None:
        """Remove what was written: the file will be made in another way."""
        part, self.part = self.part, None
        if part is not None:
            await in_thread(part.discard, part.abandon)

    async def commit(self) -> PartFile:
        """Finish the file under its name.

        Raises:
            ChronotuiError: As from `PartFile.commit`.
        """
        part = self.part
        assert part is not None  # noqa: S101 (every way of making a file opens one)
        self.meter.phase = SavePhase.FINISHING
        try:
            await in_thread(part.commit, part.abandon)
        except asyncio.CancelledError:
            if not part.committed:
                raise
        return part

    async def end(self, *, keep: bool) -> Path | None:
        """Close an unfinished part; return where it is if it was kept.

        A disk that hangs does not hold the caller.
        """
        with self._lock:
            self._over = True
            part = self.part
        if part is None or part.committed:
            return None
        part.abandon()
        kept = keep and part.size > 0
        closing = asyncio.ensure_future(
            in_thread(part.keep if kept else part.discard, lambda: None)
        )
        await asyncio.wait({closing}, timeout=GRACE_SECONDS)
        return part.part_path if kept else None
