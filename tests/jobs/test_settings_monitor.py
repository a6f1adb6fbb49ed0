"""Where the pages are to be had, and for whom."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from jobs.errors import SettingsError
from jobs.settings import Settings, load_settings
from jobs.settings_monitor import MonitorSettings

SECRET = "open sesame"


def load(folder: Path, toml: str, environ: Mapping[str, str] | None = None) -> Settings:
    """From a file that the owner named."""
    file = folder / "own.toml"
    file.write_text(toml)
    return load_settings(file, environ or {}, folder)


def fault(folder: Path, toml: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(folder, toml)
    (sentence,) = caught.value.faults
    return sentence


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text(f"{SECRET}\n")
    return path


def test_nothing_said_is_this_machine_without_a_password() -> None:
    settings = MonitorSettings()
    assert (settings.address, settings.port, settings.credentials) == ("127.0.0.1", 5555, None)


def test_a_password_comes_with_a_user_and_is_never_shown(tmp_path: Path, password: Path) -> None:
    settings = load(tmp_path, f'[monitor]\nuser = "me"\npassword_file = "{password}"')
    assert settings.monitor.credentials == f"me:{SECRET}"
    assert SECRET not in repr(settings)
    assert SECRET not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("toml", "what"),
    [
        ('user = "a:b"', "a name without a colon"),
        ('user = ""', "a name without a colon"),
        ("port = 65536", "65535 or less"),
        ("port = -1", "0 or more"),
        ("port = true", "a number"),
        ('address = ""', "text that is not empty"),
        ('password_file = "/nowhere/at/all"', "a file that can be read"),
        ("prot = 1", "port"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, toml: str, what: str) -> None:
    assert what in fault(tmp_path, f"[monitor]\n{toml}")


def test_a_password_that_others_can_read_is_refused(tmp_path: Path, password: Path) -> None:
    password.chmod(0o644)
    assert "chmod 600" in fault(tmp_path, f'[monitor]\npassword_file = "{password}"')


def test_the_environment_chooses_the_port_and_not_who_may_look(tmp_path: Path) -> None:
    assert load(tmp_path, "", {"NIGHTMILL_MONITOR__PORT": "8080"}).monitor.port == 8080
    with pytest.raises(SettingsError, match="NIGHTMILL_MONITOR__ADDRESS"):
        load(tmp_path, "", {"NIGHTMILL_MONITOR__ADDRESS": "0.0.0.0"})  # noqa: S104


def test_only_the_owners_file_opens_pages_to_others(tmp_path: Path) -> None:
    toml = '[monitor]\naddress = "0.0.0.0"\n'
    assert load(tmp_path, toml).monitor.address == "0.0.0.0"  # noqa: S104
    (tmp_path / "nightmill.toml").write_text(toml)
    with pytest.raises(SettingsError, match=r"expected `monitor\.address` from"):
        load_settings(None, {}, tmp_path)
