"""The runs of an app on the command line, against the demo server of one."""

from __future__ import annotations

import csv
import io
import json
import stat
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chronotui.demo.clock import DemoClock
from chronotui.demo.dify_runs import AppPerson, AppRow, AppRun, AppStep
from chronotui.demo.dify_server import DifyDemo
from chronotui.demo.faults import Faults, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Command

NOW = 1_795_200_000.0
STATES = ("succeeded", "failed", "stopped", "partial-succeeded")
NIGHTLY = AppPerson("7d200000-0000-4000-8000-000000000001", "service-api", "nightly")
MAYA = AppPerson(
    "51e00000-0000-4000-8000-000000000002", "account", "Maya", "maya@example.com"
)


def row(number: int, **more: object) -> AppRow:
    """Make the row of a run that ended; three of them share a second."""
    begins = NOW - 60 - number // 3
    by = MAYA if number % 5 == 0 else NIGHTLY
    run = AppRun(
        f"{number:08x}-0000-4000-8000-00000000000a",
        begins,
        4.5,
        final=STATES[number % 4],
        inputs={"url": f"https://x/{number}", "note": "=cmd|' /C calc'!A0"},
        error="Run failed: 503\n=1+1" if number % 4 == 1 else None,
        tokens=number,
    )
    made = AppRow(
        f"{number:08x}-0000-4000-9000-00000000000b",
        begins,
        run,
        by,
        "installed-app" if by is MAYA else "service-api",
        "account" if by is MAYA else "end_user",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def clock() -> DemoClock:
    """Return a clock that stands still."""
    return DemoClock(start_ns=int(NOW * 1e9), speed=0.0)


@dataclass
class FailsLater(Faults):
    """Gives so many pages of the list, then only refusals."""

    pages: int = 1

    def refusal(self, endpoint: str) -> Refusal | None:
        if endpoint == "runs":
            self.pages -= 1
            if self.pages < 0:
                return Refusal(403, "text/plain", endpoint, 1, "Gone.", None)
        return super().refusal(endpoint)


def app_config(demo: DifyDemo) -> str:
    return (
        f'[profiles.etl]\nkind = "dify"\nurl = "{demo.url}"\n'
        f'[profiles.etl.auth]\nmethod = "bearer"\ntoken = "{demo.key}"\n'
    )


@pytest.fixture
def serve(configure: Callable[[str], None]) -> Iterator[Callable[..., DifyDemo]]:
    """Starts a demo of an app, and makes the profile of it."""
    started: list[DifyDemo] = []

    def start(**settings: object) -> DifyDemo:
        demo = DifyDemo(**settings)  # type: ignore[arg-type]
        demo.start()
        started.append(demo)
        configure(app_config(demo))
        return demo

    yield start
    for demo in started:
        demo.stop()
        assert demo.load.changes == []
        assert demo.load.most.get("runs", 0) <= 1


@pytest.fixture
def app(serve: Callable[..., DifyDemo]) -> DifyDemo:
    """Serves 131 runs, every second one of three."""
    return serve(rows=[row(number) for number in range(131)], clock=clock())


def ids(demo: DifyDemo, count: int = 131) -> set[str]:
    return {row(number).id for number in range(count)}


def test_json_is_every_row_of_the_server_once(app: DifyDemo, run: Command) -> None:
    listed = run("runs", "-o", "json")
    assert (listed.code, listed.err) == (0, "")
    assert {one["id"] for one in listed.json} == ids(app)
    assert len(listed.json) == 131
    first = listed.json[0]
    assert {"id", "workflow_run", "created_from", "created_by_role"} <= first.keys()
    assert "detail" not in first
    assert first["workflow_run"]["elapsed_time"] == 4.5


def test_lines_and_records_are_the_same_rows(app: DifyDemo, run: Command) -> None:
    whole = run("runs", "-o", "json").json
    lines = run("runs", "-o", "jsonl").out.splitlines()
    by_id = {one["id"]: one for one in map(json.loads, lines)}
    assert by_id == {one["id"]: one for one in whole}
    text = run("runs", "-o", "csv").out
    heading, *records = csv.reader(io.StringIO(text, newline=""))
    assert {record[0] for record in records} == ids(app)
    assert heading[:4] == ["id", "run_id", "status", "created_at"]
    assert text.count("\r\n") == 1 + len(records)


def test_a_table_stops_at_fifty_and_says_of_how_many(
    app: DifyDemo, run: Command
) -> None:
    listed = run("runs")
    heading, *rows = listed.out.splitlines()
    assert heading.split("  ")[0] == "STARTED (UTC)"
    assert len(rows) == 50
    assert "the first 50 of 131 runs; there are more" in listed.err
    listed = run("runs", "--limit", "60")
    assert (len(listed.out.splitlines()), listed.err) == (61, "")


def test_a_limit_ends_every_form(app: DifyDemo, run: Command) -> None:
    assert len(run("runs", "-o", "json", "--limit", "7").json) == 7
    assert run("runs", "-o", "jsonl", "--limit", "7").out.count("\n") == 7
    asked = app.lister.asked
    few = run("runs", "--status", "partial-succeeded", "--limit", "13")
    assert few.out.count("\n") == 14
    assert app.lister.asked - asked <= 2


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("succeeded", "succeeded"),
        ("COMPLETED", "succeeded"),
        ("stopped", "stopped"),
        ("cancelled", "stopped"),
        ("Partial-Succeeded", "partial-succeeded"),
    ],
)
def test_states_are_taken_in_either_spelling(
    app: DifyDemo, run: Command, word: str, state: str
) -> None:
    rows = run("runs", "--status", word, "-o", "json").json
    assert {one["workflow_run"]["status"] for one in rows} == {state}
    assert len(rows) == [STATES[n % 4] for n in range(131)].count(state)


def test_what_the_server_cannot_narrow_is_narrowed_here_and_said(
    app: DifyDemo, run: Command
) -> None:
    listed = run("runs", "--status", "paused")
    assert listed.code == 0
    assert "131 runs were looked through: none fits." in listed.err
    assert "no runs." in listed.err


def test_a_long_look_says_how_far_it_is(
    app: DifyDemo, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chronotui.cli.runs._SAID_AFTER", 0.0)
    listed = run("runs", "--status", "paused", "-o", "jsonl")
    assert (listed.code, listed.out) == (0, "")
    assert "100 of 131 runs looked through; it goes on." in listed.err
    assert "looked through; it goes on" not in run("runs", "-o", "jsonl").err


def test_times_people_and_words_narrow_a_list(app: DifyDemo, run: Command) -> None:
    rows = run("runs", "--account", "maya@example.com", "-o", "json").json
    assert len(rows) == 27
    assert len(run("runs", "--user", "nightly", "-o", "json").json) == 104
    rows = run("runs", "--keyword", "https://x/77", "-o", "json").json
    assert [one["id"] for one in rows] == [row(77).id]
    rows = run("runs", "--since", "2026-11-20T18:38:55Z", "-o", "json").json
    assert {one["id"] for one in rows} == ids(app, 18)
    both = ("--since", "2026-11-20T18:38:55Z", "--until", "2026-11-20T18:38:58Z")
    assert len(run("runs", *both, "-o", "json").json) == 12


def test_what_makes_no_sense_is_refused(app: DifyDemo, run: Command) -> None:
    for argv, words in (
        (["--since", "soon"], "--since: 'soon' is no time"),
        (["--until", "-"], "--until: '-' is no time"),
        (["--user", "a", "--account", "b"], "exclude each other"),
        (["-O", "runs.txt"], "A table is not saved"),
        (["-o", "table", "-O", "runs.csv"], "A table is not saved"),
    ):
        ended = run("runs", *argv)
        assert (ended.code, ended.out) == (2, "")
        assert words in ended.err
    assert app.requests.count() == 0


def test_a_list_is_saved_whole_with_its_ending_as_its_form(
    app: DifyDemo, run: Command, home: Path
) -> None:
    saved = run("runs", "-O", "mine.csv")
    path = home / "mine.csv"
    assert (saved.code, saved.out) == (0, f"{path}\n")
    assert "Saved 131 runs" in saved.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().decode() == run("runs", "-o", "csv").out
    assert run("runs", "-O", "mine.csv").code == 2
    assert run("runs", "-O", "mine.csv", "-o", "json", "--force").code == 0
    assert len(json.loads(path.read_text())) == 131


def test_a_list_that_is_refused_leaves_nothing(
    app: DifyDemo, run: Command, home: Path
) -> None:
    app.door.shut = "The app's API service has been disabled."
    refused = run("runs", "-O", "mine.jsonl")
    assert refused.code == 3
    assert "disabled" in refused.err
    assert list(home.glob("mine*")) == []


def test_a_list_that_breaks_off_is_kept_as_a_part(
    serve: Callable[..., DifyDemo], run: Command, home: Path
) -> None:
    rows = [row(number) for number in range(131)]
    serve(rows=rows, clock=clock(), faults=FailsLater())
    broken = run("runs", "-O", "mine.jsonl")
    part = home / "mine.jsonl.part"
    assert (broken.code, broken.out) == (6, "")
    assert "broke off after 100 runs" in broken.err
    assert "The unfinished file (100 runs) is kept as" in broken.err
    assert part.read_text().count("\n") == 100


def test_an_unreadable_row_is_said_and_the_rest_is_whole(
    serve: Callable[..., DifyDemo], run: Command
) -> None:
    rows = [row(number) for number in range(131)]
    rows[70] = replace(rows[70], odd_word="service_api_v0")
    serve(rows=rows, clock=clock())
    listed = run("runs", "-o", "json")
    assert listed.code == 6
    assert {one["id"] for one in listed.json} == {one.id for one in rows} - {
        rows[70].id
    }
    assert len(listed.json) == 130
    assert "1 run could not be read" in listed.err
    table = run("runs", "--limit", "131")
    assert "is not a valid EndUserType" in table.out


def test_a_list_that_breaks_off_is_no_whole_array(
    serve: Callable[..., DifyDemo], run: Command
) -> None:
    rows = [row(number) for number in range(131)]
    serve(rows=rows, clock=clock(), faults=FailsLater())
    broken = run("runs", "-o", "json")
    assert broken.code == 6
    assert broken.out.count("\n") == 99
    assert not broken.out.endswith("]\n")


def test_a_page_that_fails_once_is_asked_for_again(app: DifyDemo, run: Command) -> None:
    app.faults.refuse(502, "text/html", route="runs")
    listed = run("runs", "-o", "json")
    assert (listed.code, len(listed.json)) == (0, 131)


def test_a_table_that_breaks_off_has_what_came(
    serve: Callable[..., DifyDemo], run: Command
) -> None:
    rows = [row(number) for number in range(131)]
    serve(rows=rows, clock=clock(), faults=FailsLater())
    broken = run("runs", "--limit", "120")
    assert broken.code == 6
    assert broken.out.count("\n") == 101
    assert "broke off after 100 runs" in broken.err


@pytest.mark.parametrize("mode", ["chat", "advanced-chat"])
def test_an_app_without_such_logs_says_so(
    serve: Callable[..., DifyDemo], run: Command, mode: str
) -> None:
    serve(rows=[], clock=clock(), mode=mode)
    for argv in ([], ["-o", "json"], ["-o", "csv", "-O", "runs.csv"]):
        listed = run("runs", *argv)
        assert (listed.code, listed.out) == (4, "")
        assert f"no workflow logs ({mode}): only apps of type workflow" in listed.err
        assert "no runs." not in listed.err
    assert not Path("runs.csv").exists()


def test_what_finds_nothing_says_what_was_looked_at(
    app: DifyDemo, run: Command
) -> None:
    text = run("runs", "--keyword", "no such text")
    assert text.code == 0
    assert "errors are not searched." in text.err
    assert "errors are not" not in run("runs", "--keyword", "nightly").err
    typed = run("runs", "--status", "suceeded")
    assert typed.code == 0
    assert "suceeded is no state known here; known are CANCELED, " in typed.err


def test_a_row_whose_run_is_gone_is_told_so(
    serve: Callable[..., DifyDemo], run: Command
) -> None:
    serve(rows=[row(1, run=None, stamp=NOW - 9000)], clock=clock())
    read = run("logs", "00000001")
    assert (read.code, read.out) == (0, "")
    assert "keeps nothing of it" in read.err


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_rows_on_a_terminal_do_no_harm_there(
    serve: Callable[..., DifyDemo],
    run: Command,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    evil = replace(NIGHTLY, name="a\x1b]0;x\x07\x9b31m\u202e")
    serve(rows=[row(1, by=evil)], clock=clock())
    exact = run("runs", "-o", form).out
    assert "\x9b31m\u202e" in exact
    monkeypatch.setattr("chronotui.cli.output.is_terminal", lambda _stream: True)
    shown = run("runs", "-o", form).out
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)
    assert shown.count("\n") == exact.count("\n")


def test_verbs_of_the_other_kind_are_refused_in_a_sentence(
    app: DifyDemo, run: Command
) -> None:
    for argv in (["workflows"], ["jobs", "W"], ["diff", "W", "J"]):
        ended = run(*argv)
        assert (ended.code, ended.out) == (2, "")
        assert "Profile etl is a Dify one, which has no jobs." in ended.err
        assert "chronotui runs lists its runs." in ended.err
    for verb in ("logs", "save"):
        ended = run(verb, "W", "J")
        assert ended.code == 2
        assert f"named by its id alone: chronotui {verb} J." in ended.err
    assert app.requests.count() == 0


def test_runs_of_a_server_with_jobs_are_refused(signed_up: Command) -> None:
    ended = signed_up("runs")
    assert ended.code == 2
    assert "which has no runs" in ended.err
    assert "chronotui jobs lists its jobs." in ended.err
    for verb in ("logs", "save"):
        ended = signed_up(verb, "nightly-report")
        assert ended.code == 2
        assert f"chronotui {verb} W J" in ended.err


def test_the_key_is_nowhere(app: DifyDemo, run: Command, home: Path) -> None:
    texts = []
    for argv in (
        ["runs"],
        ["runs", "-o", "json"],
        ["runs", "-O", "all.csv"],
        ["logs", "0000004d"],
        ["save", "0000004d"],
        ["save", "0000004d", "--format", "txt"],
        ["--log-file", "log.txt", "runs"],
        ["runs", "--account", "nobody@example.com"],
    ):
        ended = run(*argv)
        texts += [ended.out, ended.err]
    app.door.key = "app-another"
    refused = run("runs")
    assert refused.code == 3
    texts += [refused.out, refused.err]
    run.config.unlink()
    texts += [path.read_text() for path in home.rglob("*") if path.is_file()]
    assert not any(app.key in text for text in texts)


def run_id(number: int) -> str:
    made = row(number).run
    assert made is not None
    return made.id


def test_a_run_is_named_by_its_id_or_the_beginning_of_one(
    app: DifyDemo, run: Command
) -> None:
    whole = run("logs", run_id(77))
    assert whole.code == 0
    assert "Run failed: 503" in whole.out
    assert run("logs", "0000004d").out == whole.out
    several = run("logs", "0000004")
    assert (several.code, several.out) == (2, "")
    assert "fits several runs" in several.err
    assert "and 11 more" in several.err
    assert run_id(64) in several.err
    for nobody, words in (
        ("ffff", "None of the newest 131 runs"),
        ("00000000-0000-4000-8000-000000000099", "has no run 00000000-"),
    ):
        missing = run("logs", nobody)
        assert (missing.code, missing.out) == (4, "")
        assert words in missing.err
    assert run("logs", " ").code == 2


def test_options_that_say_nothing_for_a_run_are_refused(
    app: DifyDemo, run: Command
) -> None:
    for argv, words in (
        (["logs", "a", "--attempt", "2"], "--attempt says nothing"),
        (["logs", "a", "-f", "--tail", "2"], "--tail does not go with --follow"),
        (["save", "a", "--stream", "stderr"], "--stream says nothing"),
        (["save", "a", "--query", "x"], "--query says nothing"),
        (["save", "a", "--format", "jsonl"], "as json or txt, not as jsonl"),
        (["save", "a", "-O", "-"], "chronotui logs prints it"),
    ):
        ended = run(*argv)
        assert (ended.code, ended.out) == (2, "")
        assert words in ended.err
    assert app.requests.count() == 0


def test_lines_of_a_run_are_chosen_and_shaped(app: DifyDemo, run: Command) -> None:
    errors = run("logs", run_id(77), "--stream", "stderr")
    assert "503" in errors.out
    lines = run("logs", run_id(77), "-o", "jsonl").out.splitlines()
    entries = [json.loads(line) for line in lines]
    assert {entry["attempt"] for entry in entries} == {1}
    assert {entry["stream"] for entry in entries} >= {"stderr"}
    last = run("logs", run_id(77), "--tail", "1").out
    assert last == f"{entries[-1]['message']}\n"
    none = run("logs", run_id(77), "--grep", "no such thing")
    assert (none.code, none.out) == (0, "")
    assert "no line is among those asked for." in none.err


def test_following_a_run_that_ended_tells_how(app: DifyDemo, run: Command) -> None:
    for number, code in ((76, 0), (77, 1), (78, 1), (79, 0)):
        assert run("logs", "-f", run_id(number)).code == code


def step(name: str, begins: float, seconds: float, **more: object) -> AppStep:
    return AppStep(f"s-{name}", f"n-{name}", "llm", name, begins, seconds, **more)  # type: ignore[arg-type]


@pytest.fixture
def live(serve: Callable[..., DifyDemo]) -> DifyDemo:
    """Serves one run that ends some seconds from now, with a secret form."""
    secret = step("Ask", 0.2, 0.5, form_token="secret-form-token")
    steps = (secret, step("Write", 1.0, 1.5, chunks=("Hel", "lo\n", "there")))
    made = AppRun(run_id(1), time.time(), 3.5, outputs={"rows": 42}, steps=steps)
    return serve(rows=[AppRow("row-1", made.begins, made, NIGHTLY)])


def test_a_run_is_followed_to_its_end(live: DifyDemo, run: Command) -> None:
    followed = run("logs", "-f", run_id(1))
    assert followed.code == 0
    assert followed.out.count("Write (llm)") == 1
    assert followed.out.count("Hello\n") == 1
    assert '"rows": 42' in followed.out
    assert live.load.most["events"] == 1
    assert live.load.people_made == live.load.people_changed == []


def test_a_run_that_goes_on_is_saved_at_its_end(
    live: DifyDemo, run: Command, home: Path
) -> None:
    saved = run("save", run_id(1))
    path = home / f"Nightly-ETL-{run_id(1)}.json"
    assert (saved.code, saved.out) == (0, f"{path}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said = [line for line in saved.err.splitlines() if "attached late" in line]
    assert len(said) <= 1
    text = path.read_text()
    whole = json.loads(text)
    assert set(whole) == {
        "source",
        "server_version",
        "row",
        "detail",
        "events_seen",
        "complete",
    }
    assert (whole["source"], whole["server_version"]) == (live.origin, "1.14.2")
    assert whole["complete"] is True
    assert whole["row"]["id"] == "row-1"
    assert whole["detail"]["status"] == "succeeded"
    assert "Write" in text
    assert "secret-form-token" not in text


def test_an_ended_run_is_saved_in_either_form(
    app: DifyDemo, run: Command, home: Path
) -> None:
    assert run("save", "0000004d", "-O", "run.txt").code == 0
    text = (home / "run.txt").read_text()
    assert text.startswith(f"# Run {run_id(77)} of Nightly ETL at {app.origin}\n")
    assert "Run failed: 503" in text
    assert run("save", "0000004d", "-O", "run.txt").code == 2
    assert run("save", "0000004d", "-O", "run.txt", "--format", "json").code == 2
    again = run("save", "0000004d", "-O", "run.txt", "--format", "json", "--force")
    assert again.code == 0
    assert json.loads((home / "run.txt").read_text())["complete"] is True


def test_what_an_old_server_loses_between_pages_is_counted(
    serve: Callable[..., DifyDemo], run: Command
) -> None:
    rows = [row(number) for number in range(431)]
    serve(rows=rows, clock=clock(), version="1.0.0")
    listed = run("runs", "-o", "json")
    lost = 431 - len(listed.json)
    assert lost > 0
    assert listed.code == 6
    assert f"The server counts {lost} runs more than it showed." in listed.err
    bounded = run("runs", "-o", "json", "--since", "2026-11-20T18:38:15Z")
    assert "may be missing" in bounded.err
    assert "counts" not in bounded.err


def test_a_run_is_linked_to_by_its_id_alone(app: DifyDemo, run: Command) -> None:
    for argv in ([], ["--job", "0000004d"]):
        ended = run(*argv)
        assert ended.code == 2
        assert "The desk needs a terminal" in ended.err
