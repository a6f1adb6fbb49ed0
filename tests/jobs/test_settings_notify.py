"""Whom to tell is the owner's to say, and keys never show."""

from pathlib import Path

import pytest

from jobs.errors import SettingsError
from jobs.settings import Settings, load_settings
from jobs.settings_notify import EVENTS, NotifySettings

HOOK = "https://example.org/hook"


def load(folder: Path, toml: str) -> Settings:
    """From a file that the owner named."""
    file = folder / "own.toml"
    file.write_text(f"[notify]\n{toml}")
    return load_settings(file, {}, folder)


def test_nothing_said_is_the_desktop_for_all_that_can_happen() -> None:
    settings = NotifySettings()

    assert (settings.events, settings.desktop, settings.always) == (EVENTS, True, False)
    assert (settings.webhook, settings.command) == (None, ())


def test_a_webhook_may_have_a_key_that_is_never_shown(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text("s3cret\n")

    settings = load(tmp_path, f'webhook = "{HOOK}"\nwebhook_key_file = "{key}"')

    assert settings.notify.webhook_key == "s3cret"
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in settings.model_dump_json()


@pytest.mark.parametrize("text", ["s3cret\n\n", "s3crét\n", "s3cret\x00"])
def test_a_key_that_fits_in_no_header_is_told_and_not_shown(tmp_path: Path, text: str) -> None:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(text)

    with pytest.raises(SettingsError, match="printable ASCII on its only line") as caught:
        load(tmp_path, f'webhook = "{HOOK}"\nwebhook_key_file = "{key}"')

    assert "s3cr" not in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "what"),
    [
        ('webhook = "ftp://example.org"', "begins with http:// or https://"),
        ('webhook = "https://me:pass@example.org"', "a key goes into `webhook_key_file`"),
        ('webhook = "https://example.org/höök"', "percent-encoded"),
        ('webhook_key_file = "/nowhere"', "given only beside a `webhook`"),
        ('on = ["done"]', "`notify.on.0` to be"),
        ('command = ["", "x"]', "text that is not empty"),
        ("desktp = true", "desktop"),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, toml: str, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, toml)

    (sentence,) = caught.value.faults
    assert what in sentence
    assert "pass@" not in sentence


@pytest.mark.parametrize(
    ("toml", "name"),
    [(f'webhook = "{HOOK}"', "webhook"), ('command = ["touch", "/tmp/x"]', "command")],
)
def test_a_folder_that_somebody_handed_over_tells_nobody_and_starts_nothing(
    tmp_path: Path, toml: str, name: str
) -> None:
    load(tmp_path, toml)
    (tmp_path / "nightmill.toml").write_text(f"[notify]\n{toml}")

    with pytest.raises(SettingsError, match=rf"expected `notify\.{name}` to be in your own"):
        load_settings(None, {}, tmp_path)


def test_the_environment_tells_nobody(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="NIGHTMILL_NOTIFY__WEBHOOK"):
        load_settings(None, {"NIGHTMILL_NOTIFY__WEBHOOK": HOOK}, tmp_path)
