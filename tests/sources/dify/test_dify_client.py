"""The client against the demo's Dify app: lists, filters, one run, manners."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.clock import DemoClock
from chronotui.demo.dify_runs import AppPerson, AppRow, AppRun
from chronotui.demo.dify_world import bulk_rows
from chronotui.errors import (
    ChronotuiError,
    ConfigError,
    NotFoundError,
    NotSignedInError,
    RequestRefusedError,
)
from chronotui.model import JobFilter, JobStatus
from chronotui.sources.dify.client import open_dify
from chronotui.sources.protocol import DIFY, NoAuth

if TYPE_CHECKING:
    from chronotui.demo.dify_server import DifyDemo
    from chronotui.model import Job, Page
    from chronotui.sources.dify.client import DifySource
    from tests.sources.dify.conftest import MakeApp, OpenApp

VERSIONS = ["1.9.2", "1.13.0", "1.14.2"]
NOW = 1_795_200_000
EVERYTHING = JobFilter()


def still(seconds: int = NOW) -> DemoClock:
    return DemoClock(start_ns=seconds * 10**9, speed=0.0)


async def all_pages(
    source: DifySource, only: JobFilter = EVERYTHING, *, many: bool = False
) -> list[Page[Job]]:
    pages = [await source.jobs("app", only=only, many=many)]
    while pages[-1].cursor:
        pages.append(
            await source.jobs("app", only=only, many=many, cursor=pages[-1].cursor)
        )
    return pages


def jobs_of(pages: list[Page[Job]]) -> list[Job]:
    return [job for page in pages for job in page.items]


def rows_of(app: DifyDemo) -> list[AppRow]:
    return app.world.rows(app.release, app.world.now)


def assert_well_behaved(app: DifyDemo) -> None:
    """Never a change, never two lists at once, never the key in an address."""
    assert not app.load.changes
    assert not app.load.people_made
    assert not app.load.people_changed
    assert app.load.most.get("runs", 0) <= 1
    told = repr([(one.path, one.query) for one in app.requests.all()])
    assert app.key not in told
    assert not [one for one in app.requests.all("runs") if one.status == 500]


async def test_a_kind_opens_a_client(make_app: MakeApp) -> None:
    app = make_app()
    source = DIFY.load_opener()(app.url, NoAuth())
    with pytest.raises(NotSignedInError, match="401"):
        await source.sign_in()
    await source.aclose()


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_app_is_named_with_its_version(
    make_app: MakeApp, open_app: OpenApp, version: str
) -> None:
    app = make_app(version=version)
    source = open_app(app.url)
    assert source.version == ""
    await source.sign_in()
    (found,) = (await source.workflows()).items
    assert (found.name, found.labels) == (
        "Nightly ETL",
        ("workflow", f"dify {version}"),
    )
    assert source.version == version
    assert source.capabilities.follow is (version == "1.14.2")
    assert [one.endpoint for one in app.requests.all()] == ["info"] * 3
    assert "authorization" not in dict(app.requests.all()[0].headers)


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/", "/v1//"])
async def test_a_base_may_lack_its_path_or_end_in_slashes(
    make_app: MakeApp, open_app: OpenApp, suffix: str
) -> None:
    app = make_app(count=20)
    page = await open_app(app.origin + suffix).jobs("app")
    assert len(page.items) == 20
    assert not [one for one in app.requests.all() if one.path.endswith("/")]


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
async def test_every_run_comes_once(
    *, make_app: MakeApp, open_app: OpenApp, version: str, many: bool
) -> None:
    app = make_app(version=version, clock=still())
    rows = rows_of(app)
    pages = await all_pages(open_app(app.url), many=many)
    jobs = jobs_of(pages)
    odd = [row for row in rows if row.odd_word]
    assert len(odd) == 1
    stand_ins = [job for job in jobs if job.id.startswith("unreadable-")]
    assert [job.created_at for job in stand_ins] == [
        datetime.fromtimestamp(row.created_at(app.release), UTC) for row in odd
    ]
    assert "'service_api_v0' is not a valid EndUserType" in stand_ins[0].error
    listed = Counter(job.id for job in jobs if job not in stand_ins)
    assert listed == Counter(row.id for row in rows if not row.odd_word)
    stamps = [job.created_at for job in jobs if job.created_at]
    assert all(a >= b for a, b in pairwise(stamps))
    assert {page.total for page in pages} == {len(rows)}
    assert not any(page.missing for page in pages)
    assert_well_behaved(app)


async def test_a_bulk_of_one_second_is_fetched_and_what_is_not_is_said(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    rows = bulk_rows(900, NOW, per_second=450)
    app = make_app(rows=rows, clock=still())
    pages = await all_pages(open_app(app.url))
    assert len({job.id for job in jobs_of(pages)}) == 900
    assert_well_behaved(app)


async def test_rows_written_meanwhile_double_and_hide_none(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app = make_app(rows=bulk_rows(500, NOW, per_second=7), clock=still())
    later = bulk_rows(40, NOW, per_second=7, seed=2)
    app.lister.before_answer = lambda asked: app.world.add(later[asked])
    counted = Counter(job.id for job in jobs_of(await all_pages(open_app(app.url))))
    assert max(counted.values()) == 1
    assert {row.id for row in bulk_rows(500, NOW, per_second=7)} <= set(counted)


async def test_a_server_that_ignores_times_is_read_by_page_and_said_so(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    for said in ("", None):  # Its version is told, or not.
        app = make_app(
            version="1.0.0", rows=bulk_rows(180, NOW), clock=still(), x_version=said
        )
        source = open_app(app.url)
        await source.sign_in()
        pages = await all_pages(source)
        expected = Counter(row.id for row in rows_of(app))
        assert Counter(job.id for job in jobs_of(pages)) == expected
        notes = [note for page in pages for note in page.notes]
        assert len(notes) == 1
        assert "runs of one second may be missing" in notes[0]


async def test_a_version_that_is_not_told_counts_as_new(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app = make_app(x_version=None, clock=still())
    source = open_app(app.url)
    page = await source.jobs("app")
    assert source.version == ""
    assert source.capabilities.follow
    assert "" in {source.why_not_attached(job) for job in page.items}


async def test_what_is_new_overlaps_what_is_known(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app = make_app(rows=bulk_rows(300, NOW), clock=still())
    source = open_app(app.url)
    since = datetime.fromtimestamp(NOW - 5, UTC)
    page = await source.newer("app", since)
    stamps = [int(job.created_at.timestamp()) for job in page.items if job.created_at]
    assert stamps == list(range(NOW, NOW - 36, -1))
    assert (page.cursor, page.total) == (None, None)
    assert app.requests.count("runs") == 1


async def test_more_that_is_new_than_a_page_is_walked_on(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app = make_app(rows=bulk_rows(300, NOW), clock=still())
    source = open_app(app.url)
    page = await source.newer("app", datetime.fromtimestamp(NOW - 100, UTC))
    found = list(page.items)
    while page.cursor:
        page = await source.jobs("app", cursor=page.cursor)
        found += page.items
    assert len(found) == len({job.id for job in found}) == 131


# Filters.


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "only",
    [
        *(JobFilter(status) for status in (
            JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED,
            JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.PARTIAL, JobStatus.UNKNOWN,
            JobStatus("archived-cold"))),
        JobFilter(user="nightly-etl"),
        JobFilter(user="nightly-etl", status=JobStatus.FAILED),
        JobFilter(account="mira.okafor@example.com"),
        JobFilter(since=datetime.fromtimestamp(NOW - 90_000, UTC),
                  until=datetime.fromtimestamp(NOW - 40_000, UTC)),
    ],
    ids=lambda only: " ".join(str(word) for word in only if word),
)  # fmt: skip
async def test_filters_find_what_all_pages_hold(
    make_app: MakeApp, open_app: OpenApp, version: str, only: JobFilter
) -> None:
    app = make_app(version=version, clock=still(), count=400)
    for row in rows_of(app):
        row.odd_word = ""
    source = open_app(app.url)
    await source.sign_in()
    everything = jobs_of(await all_pages(source, many=True))
    expected = Counter(job.id for job in everything if only.accepts(job))
    pages = await all_pages(source, only)
    assert Counter(job.id for job in jobs_of(pages)) == expected
    assert_well_behaved(app)


async def test_states_are_filtered_here_where_the_server_cannot(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app = make_app(clock=still())
    page = await open_app(app.url).jobs("app", only=JobFilter(JobStatus.RUNNING))
    assert {job.status for job in page.items} == {JobStatus.RUNNING}
    assert (len(page.items) + page.hidden, page.total) == (50, len(rows_of(app)))
    assert not [one for one in app.requests.all("runs") if "status" in one.query]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_keyword_and_a_user_go_together_without_a_500(
    make_app: MakeApp, open_app: OpenApp, version: str
) -> None:
    app = make_app(version=version, clock=still(), count=100)
    source = open_app(app.url)
    await source.sign_in()
    only = JobFilter(keyword="question", user="nightly-etl")
    pages = await all_pages(source, only)
    assert {job.by for job in jobs_of(pages)} <= {"nightly-etl"}
    assert sum(page.hidden for page in pages)
    assert_well_behaved(app)


@pytest.mark.parametrize("version", [*VERSIONS, "1.11.2", None])
async def test_letters_beyond_ascii_are_found(
    make_app: MakeApp, open_app: OpenApp, version: str | None
) -> None:
    said = "" if version else None
    app = make_app(version=version or "1.9.2", x_version=said, clock=still(), count=100)
    source = open_app(app.url)
    await source.sign_in()
    pages = await all_pages(source, JobFilter(keyword="大阪"))
    wanted = {row.id for row in rows_of(app) if row.run and "大阪" in row.run.stored}
    assert {job.id for job in jobs_of(pages)} == wanted
    assert wanted


async def test_a_long_keyword_is_cut_and_said(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app = make_app(count=30)
    row = next(row for row in rows_of(app) if row.run)
    assert row.run
    keyword = row.run.stored[2:32] + " and what is not there"
    page = await open_app(app.url).jobs("app", only=JobFilter(keyword=keyword))
    assert page.notes == ("Only the first 30 characters of the text are looked up.",)
    assert page.items


async def test_an_unknown_account_is_refused_or_empty(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    only = JobFilter(account="nobody@example.com")
    with pytest.raises(RequestRefusedError, match="Account not found: nobody@exa"):
        await open_app(make_app().url).jobs("app", only=only)
    old = await open_app(make_app(version="1.8.0").url).jobs("app", only=only)
    assert (old.items, old.cursor) == ((), None)


@pytest.mark.parametrize("version", ["1.14.2", "1.17.0"])
async def test_another_type_of_app_says_that_it_has_no_logs(
    make_app: MakeApp, open_app: OpenApp, version: str
) -> None:
    app = make_app(mode="advanced-chat", version=version)
    page = await open_app(app.url).jobs("app")
    assert (page.items, page.cursor) == ((), None)
    assert page.notes == (
        (
            "This app type has no workflow logs (advanced-chat): only apps of type "
            "workflow write them."
        ),
    )


async def test_an_empty_log_of_a_workflow_is_just_empty(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    page = await open_app(make_app(rows=[]).url).jobs("app")
    assert (page.items, page.notes, page.total) == ((), (), 0)


# One run.


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_run_is_read_with_who_started_it(
    make_app: MakeApp, open_app: OpenApp, version: str
) -> None:
    app = make_app(version=version, clock=still())
    source = open_app(app.url)
    await source.sign_in()
    for listed in (await source.jobs("app")).items[:10]:
        if not listed.run_id:
            continue
        job = await source.job("app", listed.run_id.upper())
        assert (job.id, job.by, job.status) == (listed.id, listed.by, listed.status)
        assert isinstance(job.fields["detail"], dict)
        again = await source.reread(listed)
        assert again == job
    assert_well_behaved(app)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_keyword_is_looked_up_only_where_the_rows_time_does_not_help(
    make_app: MakeApp, open_app: OpenApp, version: str
) -> None:
    together = bulk_rows(120, NOW - 50, per_second=120)
    rows = [*bulk_rows(5, NOW - 10, seed=2), *together]
    app = make_app(rows=rows, version=version, clock=still())
    source = open_app(app.url)
    alone = rows[2]
    assert alone.run
    assert (await source.job("app", alone.run.id)).id == alone.id
    assert not [one for one in app.requests.all("runs") if "keyword" in one.query]
    for row in together[:20]:
        assert row.run
        assert (await source.job("app", row.run.id)).id == row.id
    assert [one for one in app.requests.all("runs") if "keyword" in one.query]
    assert_well_behaved(app)


async def test_a_run_without_its_row_is_read_all_the_same(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    rows = bulk_rows(3, NOW - 10)
    rows[1].odd_word = "mystery"
    app = make_app(rows=rows, clock=still())
    source = open_app(app.url)
    assert rows[1].run
    job = await source.job("app", rows[1].run.id)
    assert (job.id, job.run_id, job.by) == (rows[1].run.id, rows[1].run.id, "")
    assert job.status == JobStatus.COMPLETED


@pytest.mark.parametrize("version", ["1.9.2", "1.12.1", "1.13.0", "1.13.1", "1.14.2"])
async def test_an_unknown_run_is_not_found_on_any_release(
    make_app: MakeApp, open_app: OpenApp, version: str
) -> None:
    app = make_app(version=version)
    source = open_app(app.url)
    await source.sign_in()
    unknown = str(uuid.uuid4())
    with pytest.raises(NotFoundError) as caught:
        await source.job("app", unknown)
    assert caught.value.sentence == f"Dify has no run {unknown} in this app."
    assert caught.value.route == "run"


@pytest.mark.parametrize("typed", ["9a51", "", "x/../../info", "ü", "\x1b[31m" * 50])
async def test_what_is_no_run_id_is_never_sent(
    make_app: MakeApp, open_app: OpenApp, typed: str
) -> None:
    app = make_app()
    with pytest.raises(NotFoundError, match="is no run id") as caught:
        await open_app(app.url).job("app", typed)
    assert "\x1b" not in caught.value.sentence
    assert not app.requests.count()


async def test_a_row_that_is_before_its_run_is_read_again(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    clock = still()
    by = AppPerson(str(uuid.uuid4()), "service-api", "s")
    run = AppRun(str(uuid.uuid4()), NOW - 1.0, 600.0)
    app = make_app(
        rows=[AppRow(str(uuid.uuid4()), NOW - 1.0, run, by, late=5.0)], clock=clock
    )
    source = open_app(app.url)
    (job,) = (await source.jobs("app")).items
    assert (job.run_id, job.status) == ("", JobStatus.UNKNOWN)
    assert source.why_not_attached(job) == "it has no run yet"
    assert await source.reread(job) == job
    clock.advance(10)
    there = await source.reread(job)
    assert (there.run_id, there.status) == (run.id, JobStatus.RUNNING)
    assert there.fields["detail"]


async def test_a_purged_run_is_a_row_without_one(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app = make_app(rows=bulk_rows(3, NOW), clock=still())
    source = open_app(app.url)
    before = (await source.jobs("app")).items[0]
    app.world.purge(before.run_id)
    purged = (await source.jobs("app")).items[0]
    assert (purged.id, purged.run_id, purged.status) == (before.id, "", "UNKNOWN")
    with pytest.raises(NotFoundError):
        await source.reread(before)
    assert await source.reread(purged) == purged


async def test_a_stand_in_is_given_back_as_it_is(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    rows = bulk_rows(3, NOW)
    rows[0].odd_word = "mystery"
    app = make_app(rows=rows, clock=still())
    source = open_app(app.url)
    odd = next(j for j in (await source.jobs("app")).items if "unread" in j.id)
    assert await source.reread(odd) is odd


async def test_a_run_in_the_servers_future_is_told_once(
    make_app: MakeApp, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = still()
    app = make_app(rows=bulk_rows(60, NOW), clock=clock)
    source = open_app(app.url)
    assert not (await source.jobs("app")).notes
    dated = "Sun, 01 Nov 2026 00:00:00 GMT"
    monkeypatch.setattr(app, "_headers", lambda: [("Date", dated)])
    page = await source.jobs("app")
    assert "later than the server's own clock" in page.notes[0]
    assert page.cursor
    assert not (await source.jobs("app", cursor=page.cursor)).notes


# Manners.


async def test_lists_wait_for_one_another(make_app: MakeApp, open_app: OpenApp) -> None:
    app = make_app(clock=still())
    source = open_app(app.url)
    since = datetime.fromtimestamp(NOW - 60, UTC)
    await asyncio.gather(
        *(source.jobs("app", only=JobFilter(keyword=str(n))) for n in range(5)),
        *(source.newer("app", since) for _ in range(5)),
    )
    assert_well_behaved(app)


async def test_only_the_one_app_is_there(make_app: MakeApp, open_app: OpenApp) -> None:
    source = open_app(make_app().url)
    with pytest.raises(NotFoundError, match="no app elsewhere here"):
        await source.workflow("elsewhere")
    assert not (await source.workflows(query="weather")).items
    assert (await source.workflows(query="night")).items
    assert not (await source.workflows(terminated=True)).items


async def test_a_key_does_not_travel_in_the_clear(open_app: OpenApp) -> None:
    with pytest.raises(ConfigError, match="plain http"):
        open_app("http://dify.example.com/v1")


async def test_the_key_is_nowhere_but_in_the_header(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    entries: list[object] = []
    app = make_app()
    source = open_app(app.url, log=entries.append)
    await source.sign_in()
    page = await source.jobs("app")
    with pytest.raises(ChronotuiError) as caught:
        await source.job("app", str(uuid.uuid4()))
    told = repr((entries, page, caught.value, caught.value.__cause__, vars(source)))
    assert app.key not in told
    assert len(entries) == 4


async def test_signing_out_forgets_the_key_and_asks_nothing(
    make_app: MakeApp,
) -> None:
    app = make_app()
    asked: list[str] = []

    async def key() -> str:
        asked.append("key")
        return app.key

    from chronotui.sources.protocol import BearerAuth

    source = open_dify(app.url, BearerAuth(key))
    await source.sign_in()
    count = app.requests.count()
    await source.sign_out()
    assert app.requests.count() == count
    await source.workflows()
    assert len(asked) == 2
    await source.aclose()
