"""Base URLs: prefixes kept, secrets refused, origins told apart."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronotui.errors import ConfigError, NotFoundError
from chronotui.sources.address import check_secrets_may_travel, parse_address


@pytest.mark.parametrize(
    ("written", "base"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("https://host/api", "https://host/api"),
        (" https://host/api// ", "https://host/api"),
        ("https://HOST:443/Api", "https://host/Api"),
        ("http://[::1]:8080/x/y/", "http://[::1]:8080/x/y"),
    ],
)
def test_keeps_the_prefix_and_drops_slashes_at_the_end(written: str, base: str) -> None:
    assert parse_address(written).base == base


@pytest.mark.parametrize(
    "written",
    [
        "", "host", "ftp://host", "http://", "http://host:port", "http://h?x=1",
        "http://h#x", "http://[::1", "file:///etc/passwd", "http://a b/", "http://h/\tx",
        "http://\u202e.org", "http://\ud800", "http://h:99999",
    ],
)  # fmt: skip
def test_refuses_what_is_no_server(written: str) -> None:
    with pytest.raises(ConfigError):
        parse_address(written)


@pytest.mark.parametrize("written", ["http://me:s3cret@h", "http://me:s3cret@h:xx/"])
def test_refuses_secrets_in_the_url_without_repeating_them(written: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_address(written)
    assert "s3cret" not in str(refused.value)


@given(
    st.text(min_size=1).filter(lambda text: text not in {".", ".."}),
    st.text(min_size=1),
)
def test_every_value_comes_through_a_url_unchanged(segment: str, cursor: str) -> None:
    url = parse_address("https://host/api").url("jobs", segment, query={"c": cursor})
    parts = urlsplit(url)
    encoded = parts.path.removeprefix("/api/jobs/")
    assert "/" not in encoded
    assert unquote(encoded, errors="surrogatepass") == segment
    found = parse_qs(parts.query, errors="surrogatepass", keep_blank_values=True)
    assert found == {"c": [cursor]}


def test_leaves_out_empty_query_values() -> None:
    url = parse_address("http://h").url("a", query={"b": None, "c": "", "d": "1"})
    assert url == "http://h/a?d=1"


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_an_id_cannot_climb_out_of_its_path(segment: str) -> None:
    with pytest.raises(NotFoundError):
        parse_address("http://h").url("workflows", segment)


def test_owns_its_origin_alone() -> None:
    address = parse_address("https://chrono.example.com/api")
    assert address.owns("https://chrono.example.com:443/other")
    for other in (
        "http://chrono.example.com/api",
        "https://chrono.example.com:8443/api",
        "https://chrono.example.com.evil.org/api",
        "https://chrono.example.com@evil.org/api",
        "https://[bad",
    ):
        assert not address.owns(other)


@pytest.mark.parametrize(
    "url",
    ["http://localhost:1", "http://127.9.9.9", "http://[::1]", "http://a.localhost",
     "https://far.example.com"],
)  # fmt: skip
def test_secrets_travel_on_this_machine_and_over_tls(url: str) -> None:
    check_secrets_may_travel(parse_address(url), insecure=False)


def test_secrets_travel_over_plain_http_only_with_consent() -> None:
    address = parse_address("http://chrono:8080")
    with pytest.raises(ConfigError, match="plain http to chrono") as refused:
        check_secrets_may_travel(address, insecure=False)
    assert "insecure = true" in refused.value.next_step
    check_secrets_may_travel(address, insecure=True)
