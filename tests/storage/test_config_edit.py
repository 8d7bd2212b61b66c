import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from chronotui.errors import ConfigError, PathRefusedError
from chronotui.storage.config_edit import Document, edit_config

WRITTEN = """\
# mine
default_profile = "prod"  # on call

[ui]  # looks
wrap = true

# the real one
[profiles.prod]
url = "https://chrono.example.com/api"  # behind nginx
poll_seconds = 2.0

[profiles.prod.auth]
email = "a@b.c"      # me

# only for trying
[profiles.test]
url = "http://localhost:8080"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(WRITTEN)
    return file


def test_a_changed_value_leaves_every_other_character(path: Path) -> None:
    def change(document: Document) -> None:
        document["profiles"]["prod"]["url"] = "https://new"
        document["default_profile"] = "test"

    edit = edit_config(path, change)
    assert edit.text == WRITTEN.replace(
        "https://chrono.example.com/api", "https://new"
    ).replace('= "prod"', '= "test"')
    assert path.read_text() == WRITTEN
    edit.write()
    assert path.read_text() == edit.text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_added_profile_stands_at_the_end(path: Path) -> None:
    def change(document: Document) -> None:
        document["profiles"]["new"] = {
            "url": "http://n",
            "auth": {"email": "x@y.z"},
        }

    edit = edit_config(path, change)
    assert edit.text == (
        f'{WRITTEN}\n[profiles.new]\nurl = "http://n"\n'
        '\n[profiles.new.auth]\nemail = "x@y.z"\n'
    )


def test_a_removed_profile_takes_its_lines_and_no_others(path: Path) -> None:
    def change(document: Document) -> None:
        del document["profiles"]["prod"]
        del document["default_profile"]

    edit = edit_config(path, change)
    assert edit.text == (
        "# mine\n\n[ui]  # looks\nwrap = true\n\n# the real one\n"
        "\n# only for trying\n[profiles.test]\n"
        'url = "http://localhost:8080"\n'
    )


def test_keys_come_and_go_in_their_table(path: Path) -> None:
    def change(document: Document) -> None:
        prod = document["profiles"]["prod"]
        del prod["poll_seconds"]
        prod["insecure"] = True
        document["profiles"]["test"]["auth"] = {"method": "none"}

    edit = edit_config(path, change)
    assert "poll_seconds" not in edit.text
    assert "# behind nginx\ninsecure = true\n\n[profiles.prod.auth]" in edit.text
    assert edit.text.endswith('\n[profiles.test.auth]\nmethod = "none"\n')
    assert edit.text.count("#") == WRITTEN.count("#")


def test_a_file_that_is_not_there_is_begun(tmp_path: Path) -> None:
    def change(document: Document) -> None:
        document["profiles"] = {"a": {"url": "http://h"}}
        document["default_profile"] = "a"

    edit = edit_config(tmp_path / "deep" / "config.toml", change)
    edit.write()
    assert tomllib.loads(edit.path.read_text()) == {
        "default_profile": "a",
        "profiles": {"a": {"url": "http://h"}},
    }


LAYOUTS = [
    "# note\nprofiles = { a = { url = 'http://h' } }\n",
    "# note\n[profiles]\na = { url = 'http://h' }  # one\n",
    "# note\nprofiles.a.url = 'http://h'\nprofiles.a.auth.method = 'none'\n",
    "# note\n[profiles]\na.url = 'http://h'\na.auth = { method = 'none' }\n[ui]\n",
    (
        "[profiles.a.auth]\nmethod = 'none'\n# note\n[ui]\nwrap = true\n"
        "[profiles.a]\nurl = 'http://h'\n"
    ),
    "[profiles.a]\nurl = 'http://h'\r\n# note\r\n[ui]\r\nwrap = true\r\n",
]


@pytest.mark.parametrize("text", LAYOUTS)
def test_whatever_the_layout_comments_stay(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode())

    def change(document: Document) -> None:
        document["profiles"]["a"]["insecure"] = True
        document["profiles"]["a"]["url"] = "https://h"
        document["profiles"]["a"].pop("auth", None)

    edit = edit_config(path, change)
    assert tomllib.loads(edit.text)["profiles"] == {
        "a": {"url": "https://h", "insecure": True}
    }
    assert edit.text.count("#") == text.count("#")


@pytest.mark.parametrize("text", [*LAYOUTS[:2], *LAYOUTS[3:]])
def test_a_profile_finds_its_place_in_any_layout(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode())
    profile = {"url": "http://b", "auth": {"method": "none"}}

    def change(document: Document) -> None:
        document["profiles"]["b"] = profile
        document["default_profile"] = "b"

    edit = edit_config(path, change)
    assert tomllib.loads(edit.text)["profiles"]["b"] == profile
    assert edit.text.count("#") == text.count("#")


def test_a_layout_that_does_not_allow_a_change_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(LAYOUTS[2])

    def change(document: Document) -> None:
        document["profiles"]["b"] = {"url": "http://b"}

    with pytest.raises(ConfigError, match="layout"):
        edit_config(path, change)


def test_a_file_that_was_changed_meanwhile_is_not_written(path: Path) -> None:
    edit = edit_config(path, lambda document: document.pop("ui"))
    path.write_text(f"{WRITTEN}# new\n")
    with pytest.raises(PathRefusedError, match="changed meanwhile"):
        edit.write()
    assert path.read_text().endswith("# new\n")


def test_a_comment_above_a_table_stays_above_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[profiles.a]\nurl = 'http://h'\n\n# mine\n[keys]\n")

    def change(document: Document) -> None:
        document["profiles"]["b"] = {"url": "http://b"}

    assert edit_config(path, change).text == (
        "[profiles.a]\nurl = 'http://h'\n\n[profiles.b]\nurl = \"http://b\"\n"
        "\n# mine\n[keys]\n"
    )


def test_a_change_that_would_break_the_file_is_refused(path: Path) -> None:
    def change(document: Document) -> None:
        document["profiles"]["prod"]["poll_seconds"] = 1000

    with pytest.raises(ConfigError, match=r"poll_seconds must be a number"):
        edit_config(path, change)


def test_a_wrong_file_is_not_changed(path: Path) -> None:
    path.write_text("[ui]\nwrong = 1\n")
    with pytest.raises(ConfigError, match=r"ui\.wrong"):
        edit_config(path, lambda _document: None)


def test_a_folder_that_may_not_be_written_is_one_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = edit_config(path, lambda document: document.pop("ui"))

    def refuse(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PathRefusedError, match="not written: Permission denied"):
        edit.write()
    assert path.read_text() == WRITTEN


names = st.sampled_from(["a", "b.c", "prod", "x-1"])
auths = st.fixed_dictionaries(
    {"method": st.just("none")}, optional={"email": st.just("q@r.s")}
)
tables = st.fixed_dictionaries(
    {"url": st.sampled_from(["http://h", "https://x/api"])},
    optional={
        "poll_seconds": st.floats(0.2, 300),
        "save_dir": st.text(
            st.characters(codec="utf-8", exclude_characters="\0"), max_size=8
        ).map(lambda text: text.replace("~", "")),
        "auth": auths,
    },
)
documents = st.dictionaries(names, tables, max_size=4)


@settings(deadline=None)
@given(documents, documents)
def test_the_changed_text_says_exactly_what_was_wanted(
    tmp_path_factory: Any, old: Document, new: Document
) -> None:
    path = tmp_path_factory.mktemp("edit") / "config.toml"
    path.write_text("# kept\n" + tomli_w.dumps({"profiles": old}))

    def change(document: Document) -> None:
        document["profiles"] = new
        if not new:
            del document["profiles"]

    edit = edit_config(path, change)
    assert tomllib.loads(edit.text) == ({"profiles": new} if new else {})
    assert "# kept" in edit.text


def test_a_file_that_is_no_text_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot be read as text"):
        edit_config(path, lambda _document: None)


def test_a_last_line_without_an_end_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[profiles.a]\nurl = 'http://h'")

    def change(document: Document) -> None:
        document["profiles"]["b"] = {"url": "http://b"}

    edit = edit_config(path, change)
    assert edit.text == (
        "[profiles.a]\nurl = 'http://h'\n\n[profiles.b]\nurl = \"http://b\"\n"
    )


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# a\u2028b\x85c\n[profiles.a]\nurl = 'http://h'\n")

    def change(document: Document) -> None:
        document["profiles"]["a"]["save_dir"] = "x\u2028y"

    edit = edit_config(path, change)
    assert edit.text.startswith("# a\u2028b\x85c\n[profiles.a]\nurl = 'http://h'\nsave")
