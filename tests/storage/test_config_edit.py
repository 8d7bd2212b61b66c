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


@pytest.mark.parametrize("text", LAYOUTS)
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


NARROW = "profiles = { a.url = 'http://h' }"


def test_a_layout_that_does_not_allow_a_change_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"# note\n{NARROW}\n")

    def change(document: Document) -> None:
        document["profiles"]["a"]["insecure"] = True

    with pytest.raises(ConfigError, match="layout"):
        edit_config(path, change)


def test_a_narrow_layout_without_comments_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(NARROW)

    def change(document: Document) -> None:
        document["profiles"]["a"]["insecure"] = True

    assert edit_config(path, change).text == (
        '[profiles.a]\nurl = "http://h"\ninsecure = true\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        (
            'profiles.one.url = "http://a"\nprofiles.one.verify = false\n'
            'profiles.two.url = "http://b"\n'
        ),
        (
            'default_profile = "one"\nprofiles.one.url = "http://a"\n'
            'profiles.two = { url = "http://b" }\n'
        ),
    ],
)
def test_a_profile_is_added_after_dotted_keys(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)

    def change(document: Document) -> None:
        document["profiles"]["n3"] = {"url": "http://h", "auth": {"method": "none"}}

    assert edit_config(path, change).text == (
        f'{text}\n[profiles.n3]\nurl = "http://h"\n'
        '\n[profiles.n3.auth]\nmethod = "none"\n'
    )


def test_a_profile_of_dotted_keys_gets_a_table(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[profiles]\none.url = "http://a"\ntwo.url = "http://b"\n[ui]\nwrap = true\n'
    )

    def change(document: Document) -> None:
        document["profiles"]["one"]["auth"] = {"method": "bearer", "token_env": "X"}

    assert edit_config(path, change).text == (
        f'{path.read_text()}\n[profiles.one.auth]\nmethod = "bearer"\ntoken_env = "X"\n'
    )


def test_a_key_joins_the_dotted_keys_of_its_profile(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[profiles.one.auth]\nmethod = "none"\n[profiles]\none.url = "http://a"  # a\n'
    )

    def change(document: Document) -> None:
        document["profiles"]["one"]["insecure"] = True

    assert edit_config(path, change).text == (
        f"{path.read_text()}one.insecure = true\n"
    )


COMMENTED = """\
[profiles.one]
url = "http://a"
# trailing in one

# how to sign in
[profiles.one.auth]
method = "bearer"
token_env = "A"
# token_env = "B"  (old)
"""


def test_a_comment_directly_after_a_key_stays_there(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{COMMENTED}\n# colours\n[ui]\nwrap = true\n")

    def change(document: Document) -> None:
        document["profiles"]["b"] = {"url": "http://b"}

    assert edit_config(path, change).text == (
        f'{COMMENTED}\n[profiles.b]\nurl = "http://b"\n\n# colours\n[ui]\nwrap = true\n'
    )


def test_comments_outlive_the_profile_they_stood_in(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'{COMMENTED}\n[profiles.two]\nurl = "http://b"\n')

    assert edit_config(path, lambda document: document["profiles"].pop("one")).text == (
        "# trailing in one\n\n# how to sign in\n"
        '# token_env = "B"  (old)\n\n[profiles.two]\nurl = "http://b"\n'
    )


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


@st.composite
def layouts(draw: st.DrawFn) -> str:
    """Profiles in headers, dotted keys and inline tables, with comments in between."""
    prefix = draw(st.sampled_from(["profiles.", ""]))
    blocks, short = [["[ui]", "wrap = true"]], []
    for name in draw(st.permutations(["one", "two", '"x.y"'])):
        keys = ["url = 'http://a'", "verify = false"][: draw(st.integers(1, 2))]
        auth = draw(st.sampled_from(["none", "dotted", "inline", "header"]))
        keys += ["auth.method = 'none'"] * (auth == "dotted")
        keys += ["auth = { method = 'none' }"] * (auth == "inline")
        if auth == "header":
            blocks.append([f"[profiles.{name}.auth]", "method = 'none'"])
        match draw(st.sampled_from(["header", "dotted", "inline"])):
            case "header":
                blocks.append([f"[profiles.{name}]", *keys])
            case "inline" if auth in {"none", "inline"}:
                short.append(f"{prefix}{name} = {{ {', '.join(keys)} }}")
            case _:
                short += [f"{prefix}{name}.{key}" for key in keys]
    root = short if prefix else []
    if not prefix:
        blocks.append(["[profiles]", *short])
    blocks = [root, *draw(st.permutations(blocks))]
    fillers = st.lists(st.sampled_from(["", "# note", "# x = 1"]), max_size=2)
    lines = [
        line
        for entry in (entry for block in blocks for entry in block)
        for line in (*draw(fillers), entry)
    ]
    return "\n".join([*lines, *draw(fillers)])


def add(document: Document) -> None:
    document["profiles"]["new"] = {"url": "http://n", "auth": {"method": "none"}}
    document["default_profile"] = "new"


def edit_one(document: Document) -> None:
    one = document["profiles"]["one"]
    one |= {"url": "https://h", "insecure": True}
    one.pop("verify", None)
    one["auth"] = {"method": "bearer", "token_env": "T"}


def unset_one(document: Document) -> None:
    document["profiles"]["one"].pop("auth", None)
    document["profiles"]["two"].get("auth", {}).clear()
    document["profiles"]["two"].get("auth", {})["email"] = "a@b.c"


def remove_one(document: Document) -> None:
    del document["profiles"]["one"]


@settings(deadline=None)
@given(layouts(), st.sampled_from([add, edit_one, unset_one, remove_one]))
def test_every_layout_takes_every_change_and_keeps_its_comments(
    tmp_path_factory: Any, text: str, change: Any
) -> None:
    wanted = tomllib.loads(text)
    path = tmp_path_factory.mktemp("edit") / "config.toml"
    path.write_text(text)
    change(wanted)

    changed = edit_config(path, change).text
    assert tomllib.loads(changed) == wanted
    assert [line for line in changed.split("\n") if line.startswith("#")] == [
        line for line in text.split("\n") if line.startswith("#")
    ]


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
