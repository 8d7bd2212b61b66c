"""What is made of a raw download's body, whatever pieces it comes in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chronotui.engine.save_download import (
    AttemptSpool,
    EnoughError,
    EntryWriter,
    FirstEntries,
    PlainWriter,
    Work,
)
from chronotui.engine.save_request import SaveRequest
from chronotui.errors import DownloadError
from chronotui.log.formats import (
    JSON,
    JSONL,
    SAVE_FORMATS,
    TXT,
    SaveFormat,
)
from chronotui.log.wholeness import Numbers
from chronotui.model import RawFormat
from chronotui.storage.files import SpoolFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chronotui.sources.protocol import Source


def entry(attempt: int, number: int, message: str) -> bytes:
    later = f"attempt:{attempt}:" if attempt > 1 else ""
    return json.dumps(
        {
            "timestamp": "2026-11-22T10:00:00Z",
            "sequence_num": number,
            "stream": "stdout",
            "event_id": f"log:j:{later}stdout:{number}",
            "message_raw": message,
        },
        separators=(",", ":"),
    ).encode()


def work_in(folder: Path, save_format: SaveFormat) -> Work:
    request = SaveRequest(
        workflow_id="w", job_id="j", path=folder / "a", format=save_format
    )
    # No writer asks the server for anything.
    return Work(cast("Source", None), request, lambda: SpoolFile(folder))


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


ATTEMPTS = st.lists(
    st.lists(st.text(max_size=5), min_size=1, max_size=6), min_size=1, max_size=4
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    attempts=ATTEMPTS,
    size=st.integers(1, 400),
    save_format=st.sampled_from(SAVE_FORMATS),
)
def test_attempts_come_one_after_the_other(
    tmp_path: Path, attempts: list[list[str]], size: int, save_format: SaveFormat
) -> None:
    entries = [
        (number, attempt, entry(attempt, number, message), message)
        for attempt, messages in enumerate(attempts, start=1)
        for number, message in enumerate(messages)
    ]
    mixed = b"".join(one[2] + b"\n" for one in sorted(entries, key=lambda one: one[:2]))
    (tmp_path / "a").unlink(missing_ok=True)
    work = work_in(tmp_path, save_format)
    writer = EntryWriter(work)
    writer.begin(None)
    for piece in pieces(mixed, size):
        writer.take(piece)
    assert writer.finish() == mixed
    writer.close()
    assert work.part is not None
    work.part.commit()
    meter = work.meter
    text = (tmp_path / "a").read_bytes()
    if save_format is JSONL:
        assert text == b"".join(one[2] + b"\n" for one in entries)
    elif save_format is JSON:
        assert json.loads(text)["logs"] == [json.loads(one[2]) for one in entries]
    else:
        before = "" if save_format is TXT else "2026-11-22T10:00:00.000Z [stdout] "
        assert text.decode() == "".join(f"{before}{one[3]}\n" for one in entries)
    assert (meter.lines, meter.bytes) == (len(entries), len(text))
    assert writer.attempts == {
        attempt: Numbers(len(messages), len(messages) - 1)
        for attempt, messages in enumerate(attempts, start=1)
    }


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_a_plain_body_that_mixes_attempts_is_broken_off(
    tmp_path: Path, size: int
) -> None:
    body = entry(1, 0, "x" * 100) + b"\n" + entry(2, 0, "y") + b"\n"
    writer = PlainWriter(work_in(tmp_path, JSONL), RawFormat.JSONL)
    writer.begin(None)
    with pytest.raises(EnoughError):  # noqa: PT012 - which piece tells is open
        for piece in pieces(body, size):
            writer.take(piece)
    assert writer.interleaved


@pytest.mark.parametrize("size", [1, 7, 50, 10_000])
def test_one_attempt_goes_through_byte_for_byte(tmp_path: Path, size: int) -> None:
    body = b"".join(entry(1, n, f'"log:j:attempt{n}"') + b"\n" for n in range(50))
    work = work_in(tmp_path, JSONL)
    writer = PlainWriter(work, RawFormat.JSONL)
    writer.begin(None)
    for piece in pieces(body, size):
        writer.take(piece)
    assert writer.finish() == body
    assert (work.meter.lines, writer.interleaved) == (50, False)


@pytest.mark.parametrize(("second", "retried"), [(0, False), (30, True)])
def test_the_beginning_tells_whether_there_are_more_attempts(
    second: int, retried: bool
) -> None:
    entries = [(n, 1) for n in range(300)] + [(n, 2) for n in range(second)]
    body = b"".join(entry(a, n, "m") + b"\n" for n, a in sorted(entries))
    first = FirstEntries()
    read = 0
    with pytest.raises(EnoughError):  # noqa: PT012 - which piece tells is open
        for piece in pieces(body, 1000):
            read += len(piece)
            first.take(piece)
    assert first.retried is retried
    assert read < len(body) / 2


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    def full() -> SpoolFile:
        raise OSError(28, "No space left on device")

    del tmp_path
    with pytest.raises(DownloadError, match="No space left"):
        AttemptSpool(full).add(2, b"x")
