from pathlib import Path

import pytest
from msgspec import NODEFAULT
from msgspec.structs import replace

from chronotui.errors import ConfigError
from chronotui.storage.config import load_config, parse_config
from chronotui.storage.config_edit import edit_config
from chronotui.storage.settings import (
    URL_PROFILE,
    AlertSettings,
    AuthSettings,
    Config,
    Profile,
    Secret,
    Table,
    UiSettings,
)

EXAMPLE = """\
default_profile = "prod"

[ui]                               # optional; every key has a default
theme = "textual-dark"
timestamps = "time"                # off | time | full | elapsed | delta
zone = "local"                     # local | utc
wrap = false
save_dir = "~/logs"
memory_mb = 512                    # log text kept in memory before the spool file
spool_dir = ""                     # empty: the platform's runtime or temporary folder
link_kilobytes = 12

[keys]                             # action = "key,key"; names as in the palette

[alerts]
bell = true
title = true
osc9 = false
command = ""                       # run without a shell; the job in variables

[profiles.prod]
kind = "chronoverse"               # chronoverse (default) | dify
url = "https://chrono.example.com/api"
poll_seconds = 5.0
timeout_seconds = 10.0
ca_file = "~/certs/ca.pem"         # optional, as all below
client_cert = "~/certs/me.pem"
client_key = "~/certs/me.key"
verify = true
insecure = false
save_dir = "~/incidents"

[profiles.prod.auth]
method = "session"                 # session | bearer | cookie | none
email = "oncall@example.com"
password_command = "pass show chronoverse"
"""

PATH = Path("/etc/chronotui/config.toml")


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, PATH)
    assert caught.value.exit_code == 2
    return caught.value.sentence


def test_the_documented_example_is_read_as_it_says() -> None:
    config = parse_config(EXAMPLE, PATH)
    home = Path.home()
    assert config.default_profile == "prod"
    assert config.ui == UiSettings(save_dir=home / "logs")
    assert config.ui.spool_dir is None
    assert config.ui.link_kilobytes == 12
    assert config.alerts == AlertSettings(osc9=False)
    prod = config.profiles["prod"]
    assert prod.url == "https://chrono.example.com/api"
    assert prod.ca_file == home / "certs/ca.pem"
    assert prod.save_dir == home / "incidents"
    assert prod.auth == AuthSettings(
        email="oncall@example.com", password_command="pass show chronoverse"
    )


def test_an_absent_file_is_the_default_configuration(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    assert load_config(path) == Config(path)


def test_a_minimal_profile_has_every_default() -> None:
    profile = parse_config('[profiles.a]\nurl = "http://h:1/"\n', PATH).profiles["a"]
    assert (profile.url, profile.kind, profile.poll_seconds) == (
        "http://h:1",
        "chronoverse",
        5.0,
    )
    assert profile.verify
    assert not profile.insecure
    assert profile.auth.method == "none"


@pytest.mark.parametrize("auth", ["", "[profiles.a.auth]\ntoken_env = 'KEY'\n"])
def test_the_sign_in_is_by_default_the_usual_one_of_the_kind(auth: str) -> None:
    text = f"[profiles.a]\nurl = 'http://h'\nkind = 'dify'\n{auth}"
    profile = parse_config(text, PATH).profiles["a"]
    assert profile.auth.method == "bearer"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[ui]\ntehme = 'x'\n", (f"{PATH}:2: ui.tehme is not a known key; "
         "the nearest known key is 'theme'.")),
        ("\n\ndefault_profil = 'x'\n", (f"{PATH}:3: default_profil is not a known key; "
         "the nearest known key is 'default_profile'.")),
        ("[uii]\n", (f"{PATH}:1: uii is not a known key; "
         "the nearest known key is 'ui'.")),
        ("[profiles.a]\nurl='http://h'\n[profiles.a.auht]\n",
         (f"{PATH}:3: profiles.a.auht is not a known key; "
         "the nearest known key is 'auth'.")),
        (("[profiles.a]\nurl='http://h'\n[profiles.a.auth]\nmethod='none'\n"
         "pasword='x'\n"), (f"{PATH}:5: profiles.a.auth.pasword is not a known key; "
         "the nearest known key is 'password'.")),
        ("[alerts]\nbel = true\n", (f"{PATH}:2: alerts.bel is not a known key; "
         "the nearest known key is 'bell'.")),
        ("[alerts]\nbell = 1\n",
         f"{PATH}:2: alerts.bell must be true or false, not 1."),
        ("[alerts]\ncommand = 'page | mail'\n",
         (f"{PATH}:2: alerts.command runs without a shell, which '|' would need; "
         "quote it, or name a script that does it.")),
        ("ui = 3\n", f"{PATH}:1: ui must be a table, not 3."),
        ("[ui]\nwrap = 'yes'\n",
         f"{PATH}:2: ui.wrap must be true or false, not 'yes'."),
        ("[ui]\nmemory_mb = true\n", (f"{PATH}:2: ui.memory_mb must be a whole number "
         "from 1 to 1048576, not true.")),
        ("[ui]\nzone = 'CET'\n",
         f"{PATH}:2: ui.zone must be one of 'local', 'utc', not 'CET'."),
        ("[ui]\ntheme = ''\n", f"{PATH}:2: ui.theme must not be empty."),
        ("[ui]\nsave_dir = 1\n",
         f"{PATH}:2: ui.save_dir must be a path in quotes, not 1."),
        ("[profiles.a]\nkind='dify'\n", f"{PATH}:1: profiles.a.url is missing."),
        ("[profiles]\na = {url = 'http://h', poll_seconds = 0.1}\n",
         (f"{PATH}:2: profiles.a.poll_seconds must be a number from 0.2 to 300, "
         "not 0.1.")),
        ("[profiles.a]\nurl='http://h'\npoll_seconds = 301\n",
         (f"{PATH}:3: profiles.a.poll_seconds must be a number from 0.2 to 300, "
         "not 301.")),
        ("[profiles.a]\nurl='http://h'\npoll_seconds = nan\n",
         (f"{PATH}:3: profiles.a.poll_seconds must be a number from 0.2 to 300, "
         "not nan.")),
        ("[profiles.a]\nurl='ftp://h'\n",
         (f"{PATH}:2: profiles.a.url must begin with http:// or https:// "
         "and name a host, not 'ftp://h'.")),
        ("[profiles.a]\nurl='me:secret@h'\n",
         (f"{PATH}:2: profiles.a.url must begin with http:// or https:// "
         "and name a host.")),
        ("default_profile = 'b'\n[profiles.a]\nurl='http://h'\n",
         f"{PATH}:1: default_profile names no profile with 'b'; there are: a."),
        ("[profiles.a]\nurl='http://h'\nclient_key='k'\n",
         f"{PATH}:3: profiles.a.client_key needs client_cert beside it."),
        ("[profiles.a]\nurl='http://h'\nauth={}\n",
         f"{PATH}:3: profiles.a.auth.email is missing; method session needs it."),
        ("[profiles.a]\nurl='http://h'\n[profiles.a.auth]\nmethod='oauth'\n",
         (f"{PATH}:4: profiles.a.auth.method must be one of 'session', 'bearer', "
         "'cookie', 'none' with kind 'chronoverse', not 'oauth'.")),
        (("[profiles.a]\nurl='http://h'\nkind='dify'\n[profiles.a.auth]\n"
         "method='session'\nemail='a@b.c'\n"),
         (f"{PATH}:5: profiles.a.auth.method must be 'bearer' with kind 'dify', "
         "not 'session'.")),
        (("[profiles.a]\nurl='http://h'\nkind='dify'\n[profiles.a.auth]\n"
         "password_env='P'\n"),
         (f"{PATH}:5: profiles.a.auth.password_env has no use with method 'bearer' "
         "of kind 'dify'.")),
        (("[profiles.a]\nurl='http://h'\nkind='dify'\n[profiles.a.auth]\n"
         "session_env='P'\n"),
         (f"{PATH}:5: profiles.a.auth.session_env has no use with method 'bearer' "
         "of kind 'dify'.")),
        (("[profiles.a]\nurl='http://h'\n[profiles.a.auth]\nmethod='bearer'\n"
         "password='s3cret'\n"),
         (f"{PATH}:5: profiles.a.auth.password has no use with method 'bearer' "
         "of kind 'chronoverse'.")),
        (("[profiles.a]\nurl='http://h'\n[profiles.a.auth]\nmethod='bearer'\n"
         "token='s3cret'\ntoken_env='T'\n"),
         (f"{PATH}:5: profiles.a.auth.token stands beside token_env; "
         "only one of them can hold.")),
        ("[profiles.'a b']\nurl='http://h'\n",
         (f"{PATH}:1: profiles.a b must be a name of letters, digits, '-', '_' "
         "and '.', at most 64.")),
        ("[keys]\nquit = 1\n",
         f'{PATH}:2: keys.quit must be keys like "key,key", not 1.'),
        ("a = \n", f"{PATH}:1: not TOML: Invalid value."),
    ],
)  # fmt: skip
def test_refusals_name_file_line_key_and_what_is_taken(
    text: str, sentence: str
) -> None:
    assert refused(text) == sentence


def test_a_secret_is_never_repeated_in_a_refusal() -> None:
    auth = "[profiles.a]\nurl='http://h'\n[profiles.a.auth]\nmethod='bearer'\n"
    assert "hunter2" not in refused(auth + "password='hunter2'\n")
    assert "hunter2" not in refused(auth + "token=['hunter2']\n")
    assert "hunter2" not in refused("[profiles.a]\nurl='http://me:hunter2@h'\n")


@pytest.mark.parametrize(
    ("command", "syntax"),
    [
        ("pass show hunter2 | head -1", "|"),
        ("pass show hunter2 2>/dev/null", ">"),
        ("cd hunter2 && ./get", "&&"),
        ("get; clear", ";"),
        ("get `id -un`", "`"),
        ("get $(id -un)", "$("),
        ("get ${USER}", "${"),
        ('get "of $USER | x"', "$"),
        ("(get)", "("),
        ("DIR=hunter2 pass show x", "DIR="),
    ],
)
def test_a_command_that_needs_a_shell_is_refused(command: str, syntax: str) -> None:
    auth = "[profiles.a]\nurl='http://h'\n[profiles.a.auth]\nemail='x'\n"
    said = refused(f"{auth}password_command = '''{command}'''\n")
    assert said == (
        f"{PATH}:5: profiles.a.auth.password_command runs without a shell, which "
        f"{syntax!r} would need; quote it, or name a script that does it."
    )


@pytest.mark.parametrize(
    "command",
    [
        "pass show a/b-c_d.e",
        "~/bin/get --for=me@example.com",
        "sh -c 'pass show a | head -1'",
        'grep "a|b; 5$" file',
        r"get a\|b\$c",
        'get "it\'s (me)"',
        "get 5$",
        "get '$USER'",
    ],
)
def test_what_is_quoted_in_a_command_means_itself(command: str) -> None:
    auth = "[profiles.a]\nurl='http://h'\n[profiles.a.auth]\nmethod='bearer'\n"
    config = parse_config(f"{auth}token_command = '''{command}'''\n", PATH)
    assert config.profiles["a"].auth.token_command == command


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'[ui]\ntheme = "\xff"\n')
    with pytest.raises(ConfigError, match=r"config\.toml:2: the text is not UTF-8"):
        load_config(path)


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf[profiles.a]\nurl='http://h'\n")
    assert load_config(path).profiles["a"].url == "http://h"
    edit_config(path, lambda document: document["profiles"]["a"].update(url="http://i"))


def test_a_folder_in_the_files_place_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_an_open_file_with_a_secret_earns_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        "[profiles.a]\nurl='http://h'\n[profiles.a.auth]\n"
        "email='a@b.c'\npassword='hunter2'\n"
    )
    path.chmod(0o644)
    (warning,) = load_config(path).warnings
    assert "chmod 600" in warning
    assert "hunter2" not in warning
    path.chmod(0o600)
    assert load_config(path).warnings == ()


def test_a_secret_shows_itself_nowhere() -> None:
    config = parse_config(
        "[profiles.a]\nurl='http://h'\n[profiles.a.auth]\n"
        "email='a@b.c'\npassword='hunter2'\n",
        PATH,
    )
    password = config.profiles["a"].auth.password
    assert password is not None
    assert password.reveal() == "hunter2"
    assert "hunter2" not in f"{config!r} {password} {password!r} {password:>9}"


def test_key_names_are_checked_against_the_actions_there_are() -> None:
    config = parse_config('[keys]\nlog.folow = "F"\n"app.quit" = "q"\n', PATH)
    assert config.keys == {"log.folow": "F", "app.quit": "q"}
    with pytest.raises(ConfigError) as caught:
        config.check_key_names(["log.follow", "app.quit"])
    assert caught.value.sentence == (
        f"{PATH}:2: keys.log.folow is not a known key; "
        "the nearest known key is 'log.follow'."
    )


def test_relative_paths_start_at_the_files_folder() -> None:
    text = "[profiles.a]\nurl='http://h'\nca_file='ca.pem'\n"
    assert parse_config(text, PATH).profiles["a"].ca_file == PATH.parent / "ca.pem"


def test_another_url_for_a_profile_is_checked_like_the_files() -> None:
    profile = parse_config("[profiles.a]\nurl='http://h'\n", PATH).profiles["a"]
    assert profile.with_url("https://x/api/").url == "https://x/api"
    with pytest.raises(ConfigError, match="must begin with http"):
        profile.with_url("localhost:8080")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("default_profile = 3", "default_profile must be the name of a profile, not 3"),
        ("[keys]\nlog.follow = 3", 'keys.log.follow must be keys like "key,key"'),
        ("[ui]\ntheme = []", "ui.theme must be a text in quotes, not a list"),
        ("[ui]\ntheme = {}", "ui.theme must be a text in quotes, not a table"),
        ("[ui]\ntheme = 2026-01-01", "must be a text in quotes, not a date"),
        (f"[ui]\nzone = '{'x' * 50}'", "not 'xxx"),
        ('[ui]\nsave_dir = "a\\u0000b"', "must not contain a NUL"),
        ("[ui]\nsave_dir = '~nobody-here/x'", "a home folder nobody has"),
        ("[profiles.a]\nurl = 3", "must be a URL in quotes"),
        ("[profiles.a]\nurl = 'http://[h'", "is not a URL that can be read"),
        ("[profiles.a]\nurl = 'http://h:99999'", "is not a URL that can be read"),
        ("[profiles.a]\nurl = 'http://h/?x=1'", "must not carry a query"),
        ("[profiles.a]\nurl = 'http://h/a b'", "must not contain spaces"),
        ("profiles = 3", "profiles must be a table, not 3"),
        (f"x = {'[' * 5000}", "is nested too deep"),
    ],
)
def test_more_that_is_refused(line: str, words: str) -> None:
    assert words in refused(line + "\n")


def test_other_layers_refuse_values_in_the_same_words() -> None:
    config = parse_config("[ui]\ntheme = 'x'\n", PATH)
    assert config.error(("ui", "theme"), "is no theme.").sentence == (
        f"{PATH}:2: ui.theme is no theme."
    )
    assert Config(PATH).error(("ui", "theme"), "x").sentence == "ui.theme x"
    config.check_key_names([])


def test_secrets_are_compared_by_what_they_hide() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_command_names_the_server_where_it_is_not_the_one_used_unasked() -> None:
    text = "".join(f"[profiles.{n}]\nurl = 'http://{n}:1'\n" for n in ("a", "b"))
    with_default = parse_config(f"default_profile = 'a'\n{text}", PATH)
    a, b = with_default.profiles["a"], with_default.profiles["b"]
    assert with_default.options_for(a) == {}
    assert with_default.options_for(b) == {"--profile": "b"}
    elsewhere = a.with_url("http://c:1")
    assert with_default.options_for(elsewhere) == {"--url": "http://c:1"}
    assert parse_config(text, PATH).options_for(a) == {"--profile": "a"}
    alone = parse_config("[profiles.a]\nurl = 'http://a:1'\n", PATH)
    assert alone.options_for(alone.profiles["a"]) == {}
    given = replace(elsewhere, name=URL_PROFILE)
    assert Config(PATH).options_for(given) == {"--url": "http://c:1"}
    assert Config(PATH).options_for(replace(a, name="demo")) == {}


@pytest.mark.parametrize("table", [UiSettings, AlertSettings, AuthSettings, Profile])
def test_every_key_of_a_table_has_its_reader(table: type[Table]) -> None:
    elsewhere = {"name", "auth"} if table is Profile else set()
    assert {*table.READERS, *elsewhere} == {*table.__struct_fields__}
    assert all(table.default(name) is NODEFAULT for name in elsewhere - {"auth"})
