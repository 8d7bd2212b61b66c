import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from chronotui.errors import ConfigError
from chronotui.storage import secrets as keyring_store
from chronotui.storage.config import parse_config
from chronotui.storage.secrets import (
    SecretSource,
    read_secret,
    run_secret_command,
    secret_source,
)
from chronotui.storage.settings import Secret

KEY = "profiles.a.auth.password_command"


def python(code: str) -> str:
    return f"{sys.executable} -c '{code}'"


def source(line: str) -> SecretSource:
    text = f"[profiles.a]\nurl='http://h'\n[profiles.a.auth]\nemail='a@b.c'\n{line}\n"
    return secret_source(parse_config(text, Path("c")).profiles["a"], "password")


def test_a_command_gives_its_first_line() -> None:
    secret = run_secret_command(python('print("one two"); print("user: x")'), KEY)
    assert secret.reveal() == "one two"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (python('import sys; print("s3cret"); sys.exit(3)'), "failed with exit code 3"),
        (python("pass"), "printed nothing"),
        ("/no/such/s3cret", "cannot be started: No such file"),
        ("'s3cret", "not a command that can be read"),
        (" ", "not a command that can be read"),
    ],
)
def test_a_command_that_fails_is_named_by_its_key_alone(
    command: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        run_secret_command(command, KEY)
    assert KEY in caught.value.sentence
    assert "s3cret" not in str(caught.value)


def test_a_command_that_hangs_is_ended_with_its_children() -> None:
    begun = time.monotonic()
    with pytest.raises(ConfigError, match="took longer than"):
        run_secret_command("sh -c 'sleep 60 | cat'", KEY, time_limit=0.2)
    assert time.monotonic() - begun < 10


def test_a_command_has_no_input() -> None:
    with pytest.raises(ConfigError, match="printed nothing"):
        run_secret_command("cat", KEY)


def test_the_environment_gives_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHRONO_PW", "hunter2")
    assert read_secret(source("password_env = 'CHRONO_PW'")) == Secret("hunter2")
    monkeypatch.delenv("CHRONO_PW")
    with pytest.raises(ConfigError, match="CHRONO_PW is not set"):
        read_secret(source("password_env = 'CHRONO_PW'"))


def test_a_plain_secret_is_as_it_stands_and_an_absent_one_is_asked_for() -> None:
    assert read_secret(source("password = 'hunter2'")) == Secret("hunter2")
    absent = source("")
    assert not absent.is_given
    assert read_secret(absent) is None


def test_a_secret_is_never_pickled() -> None:
    with pytest.raises(TypeError, match="not written anywhere"):
        Secret("x").__reduce__()


class FakeKeyring(ModuleType):
    def __init__(self) -> None:
        super().__init__("keyring")
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, name: str) -> str | None:
        if self.locked:
            from keyring.errors import KeyringLocked

            raise KeyringLocked("hunter2")
        return self.held.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self.held[service, name] = password


def test_the_keyring_keeps_and_gives_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring.errors

    fake = FakeKeyring()
    monkeypatch.setitem(sys.modules, "keyring", fake)
    monkeypatch.setitem(sys.modules, "keyring.errors", keyring.errors)
    place = source("password_keyring = true")
    assert read_secret(place) is None
    keyring_store.write_keyring(place, Secret("hunter2"))
    assert fake.held == {("chronotui", "a:password"): "hunter2"}
    assert read_secret(place) == Secret("hunter2")
    fake.locked = True
    with pytest.raises(ConfigError, match="KeyringLocked") as caught:
        read_secret(place)
    assert "hunter2" not in str(caught.value)


def test_an_absent_keyring_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        read_secret(source("password_keyring = true"))
    assert "chronotui[keyring]" in caught.value.next_step
