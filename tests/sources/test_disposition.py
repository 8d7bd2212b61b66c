"""File names the server proposes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.sources.download import file_name_hint


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="job-1-logs.txt"', "job-1-logs.txt"),
        ("attachment; filename=job.txt", "job.txt"),
        ("attachment; filename=\"a.txt\"; filename*=UTF-8''%E6%97%A5.txt", "日.txt"),
        ("attachment; filename*=utf-8'de'na%20me.txt", "na me.txt"),
        ('attachment; filename="../../etc/passwd"', "../../etc/passwd"),
        ('attachment; filename="a\\"b.txt"', 'a"b.txt'),
        ("attachment; FILENAME=x", "x"),
        ("attachment", None),
        ("", None),
        ('attachment; filename=""', None),
        ("inline; filename*=nonsense''%FF.txt", "ÿ.txt"),
    ],
)
def test_reads_the_name(header: str, name: str | None) -> None:
    assert file_name_hint(header) == name


def test_a_name_has_an_end() -> None:
    assert file_name_hint(f'attachment; filename="{"x" * 9999}"') == "x" * 255


@given(st.text(alphabet="atchmen; =\"'*%filUTF-8\\0", max_size=80))
def test_no_header_breaks_it(header: str) -> None:
    file_name_hint(header)
