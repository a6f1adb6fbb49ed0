from collections.abc import Mapping
from pathlib import Path

import platformdirs
import pytest

from jobs.errors import SettingsError
from jobs.settings import Settings, load_settings

SECRET = "tr0ub4dor"
REMOTE = ["postgresql://me@db.example/mill", "postgresql://192.0.2.7/mill"]
LOCAL = [
    "postgresql://me@localhost/mill",
    "postgresql://127.0.0.1:5432/mill",
    "postgresql://[::1]/mill",
    "postgresql:///mill?host=/var/run/postgresql",
    "sqlite:////srv/mill.db",
]
#: Hosts that hide where a quick look does not see them.
HIDDEN = [
    "postgresql:///mill?host=db.example",
    "postgresql://localhost/mill?host=db.example",
    "postgresql://localhost/mill?hostaddr=192.0.2.7",
    "postgresql://localhost/mill?host=localhost,db.example",
    "postgresql://localhost@db.example/mill",
    "postgresql://0.0.0.0/mill",
    "postgresql://localhost.db.example/mill",
]


@pytest.fixture
def folder(tmp_path: Path, home: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def load(folder: Path, environ: Mapping[str, str] | None = None, config: str = "") -> Settings:
    return load_settings(Path(config) if config else None, environ or {}, folder)


def faults(
    folder: Path, environ: Mapping[str, str] | None = None, config: str = ""
) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(folder, environ, config)
    return caught.value.faults


def write_store(path: Path, url: str, more: str = "") -> None:
    path.write_text(f'[store]\nurl = "{url}"\n{more}')
    path.chmod(0o600)


def write_password(folder: Path, text: str = f"{SECRET}\n", mode: int = 0o600) -> Path:
    path = folder / "password"
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("url", LOCAL)
def test_the_environment_may_point_to_this_machine(folder: Path, url: str) -> None:
    assert load(folder, {"NIGHTMILL_STORE__URL": url}).store_url == url


@pytest.mark.parametrize("url", REMOTE + HIDDEN)
def test_the_environment_may_not_point_elsewhere(folder: Path, url: str) -> None:
    (fault,) = faults(folder, {"NIGHTMILL_STORE__URL": url})
    assert fault.startswith("expected `store.url` from NIGHTMILL_STORE__URL to be on this machine")


@pytest.mark.parametrize(
    "url", ["redis://r.example:6379/0", "rediss://r.example", "redis://u@192.0.2.7"]
)
def test_the_same_holds_for_the_broker(folder: Path, url: str) -> None:
    (fault,) = faults(folder, {"NIGHTMILL_BROKER__URL": url})
    assert "only a file that you name with --config" in fault


@pytest.mark.parametrize("url", ["redis://localhost:6379/0", "redis+socket:///run/redis.sock"])
def test_the_environment_may_name_a_broker_on_this_machine(folder: Path, url: str) -> None:
    assert load(folder, {"NIGHTMILL_BROKER__URL": url}).broker_url == url


def test_the_environment_may_name_a_host_that_the_owners_file_names(folder: Path) -> None:
    write_store(folder / "own.toml", "postgresql://a@db.example/mill")
    other = "postgresql://b@db.example:5433/other"
    assert load(folder, {"NIGHTMILL_STORE__URL": other}, "own.toml").store_url == other


@pytest.mark.parametrize("url", REMOTE)
def test_a_file_that_was_named_may_point_elsewhere(folder: Path, url: str) -> None:
    write_store(folder / "own.toml", url)
    assert load(folder, config="own.toml").store_url == url


@pytest.mark.parametrize("url", REMOTE)
def test_a_file_that_a_variable_names_may_not(folder: Path, url: str) -> None:
    write_store(folder / "own.toml", url)
    (fault,) = faults(folder, {"NIGHTMILL_CONFIG": "own.toml"})
    assert "to be on this machine" in fault


def test_only_the_owners_file_is_passed_on_as_one_that_was_named(folder: Path) -> None:
    write_store(folder / "nightmill.toml", "sqlite:////tmp/a.db")
    assert load(folder).owners_source == ""
    assert load(folder, {"NIGHTMILL_CONFIG": "nightmill.toml"}).owners_source == ""
    named = load(folder, config="nightmill.toml")
    assert named.owners_source == named.source != ""


def test_the_file_in_the_users_configuration_folder_may_point_elsewhere(folder: Path) -> None:
    own = platformdirs.user_config_path("nightmill") / "nightmill.toml"
    own.parent.mkdir(parents=True)
    write_store(own, REMOTE[0])
    assert load(folder).store_url == REMOTE[0]


@pytest.mark.parametrize("url", REMOTE + HIDDEN)
def test_the_file_of_a_folder_that_was_handed_over_may_not(folder: Path, url: str) -> None:
    write_store(folder / "nightmill.toml", url)
    (fault,) = faults(folder)
    assert "to be on this machine" in fault
    # Nor does it vouch for what the environment says.
    (fault,) = faults(folder, {"NIGHTMILL_STORE__URL": url})
    assert "to be on this machine" in fault


def test_there_is_no_cloud_to_switch_on(folder: Path) -> None:
    (folder / "nightmill.toml").write_text("[cloud]\nenabled = true\n")
    (fault,) = faults(folder, config="nightmill.toml")
    assert fault.startswith("unknown key `cloud`")
    (folder / "nightmill.toml").unlink()
    (fault,) = faults(folder, {"NIGHTMILL_CLOUD__ENABLED": "1"})
    assert fault.startswith("unknown variable `NIGHTMILL_CLOUD__ENABLED`")


@pytest.mark.parametrize("name", ["PGHOSTADDR", "PGSERVICE"])
def test_what_would_lead_postgres_elsewhere_is_a_fault(folder: Path, name: str) -> None:
    environ = {"NIGHTMILL_STORE__URL": "postgresql://localhost/mill", name: "192.0.2.7"}
    (fault,) = faults(folder, environ)
    assert fault.startswith(f"expected {name} not to be set")
    assert load(folder, {name: "192.0.2.7"}).store.url is None


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("postgresql:///mill", "names its host"),
        ("postgresql://localhost/mill?service=x", "not through a service"),
        ("postgresql://localhost\\\\@db.example/mill", "a URL like"),
        ("postgresql://localhost,db.example/mill", "a URL like"),
        ("postgresql://local host/mill", "a URL like"),
        ("postgresql://a@b@c/mill", "a URL like"),
        ("mysql://localhost/mill", "begins with sqlite:// or postgresql://"),
        ("mill.db", "a URL like"),
        ("", "a URL like"),
        ("sqlite:///mill.db", "an absolute path with four slashes"),
        ("sqlite://", "an absolute path with four slashes"),
        ("sqlite:////srv/mill.db?mode=ro", "an absolute path with four slashes"),
    ],
)
def test_a_store_that_cannot_be_told_is_refused(folder: Path, url: str, what: str) -> None:
    write_store(folder / "own.toml", url)
    (fault,) = faults(folder, config="own.toml")
    assert "expected `store.url` to be " in fault
    assert what in fault


def test_two_brokers_in_one_url_are_refused(folder: Path) -> None:
    environ = {"NIGHTMILL_BROKER__URL": "redis://localhost/0;redis://r.example/0"}
    (fault,) = faults(folder, environ)
    assert "a URL like" in fault


def test_a_password_is_joined_in_only_where_the_connection_is_opened(folder: Path) -> None:
    write_password(folder, "tr0ub4 d@r/\n")
    url = "postgresql://me@localhost:5432/mill?sslmode=require"
    write_store(folder / "nightmill.toml", url, "password_file = 'password'")
    settings = load(folder)
    opening = "postgresql://me:tr0ub4%20d%40r%2F@localhost:5432/mill?sslmode=require"
    assert settings.store_url == opening
    assert settings.store.url == url
    for shown in (repr(settings), str(settings), str(settings.model_dump())):
        assert "tr0ub4" not in shown


def test_a_password_without_a_user_will_do_for_redis(folder: Path) -> None:
    write_password(folder)
    environ = {
        "NIGHTMILL_BROKER__URL": "redis://localhost:6379/0",
        "NIGHTMILL_BROKER__PASSWORD_FILE": "password",
    }
    assert load(folder, environ).broker_url == f"redis://:{SECRET}@localhost:6379/0"


def test_a_password_in_a_url_never_shows(folder: Path) -> None:
    write_store(
        folder / "nightmill.toml", f"postgresql://me:{SECRET}@localhost/x?password={SECRET}"
    )
    settings = load(folder)
    assert SECRET not in repr(settings) + str(settings) + f"{settings.store}"
    assert "postgresql://me@localhost/x" in repr(settings)


@pytest.mark.parametrize(
    "toml",
    [
        f"[store]\nurl = 'postgresql://me:{SECRET}@db.example/x'",
        f"[store]\nurl = 'mysql://me:{SECRET}@localhost/x'",
        f"[store]\nurl = 'me:{SECRET}@localhost'",
        f"[store]\npassword = '{SECRET}'",
        f"[store]\nurl = 'postgresql://me@localhost/x'\npassword_file = '{SECRET}'",
        f"[broker]\nurl = ['{SECRET}']",
    ],
)
def test_no_message_shows_a_password(folder: Path, toml: str) -> None:
    (folder / "nightmill.toml").write_text(toml)
    with pytest.raises(SettingsError) as caught:
        load(folder)
    assert SECRET not in str(caught.value) + repr(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "mode", "what"),
    [
        (SECRET, 0o640, "a file that only you can read (run chmod 600 on it)"),
        (SECRET, 0o604, "a file that only you can read (run chmod 600 on it)"),
        ("\n", 0o600, "a file with a password in it"),
    ],
)
def test_a_password_file_is_refused(folder: Path, text: str, mode: int, what: str) -> None:
    write_password(folder, text, mode)
    url = "postgresql://me@localhost/mill"
    write_store(folder / "nightmill.toml", url, "password_file = 'password'")
    (fault,) = faults(folder)
    assert f"expected `store.password_file` to be {what}" in fault


def test_a_password_file_that_is_not_text_is_refused(folder: Path) -> None:
    write_password(folder).write_bytes(b"\xff\xfe")
    url = "postgresql://me@localhost/mill"
    write_store(folder / "nightmill.toml", url, "password_file = 'password'")
    (fault,) = faults(folder)
    assert "a file of UTF-8 text" in fault


@pytest.mark.parametrize("url", ["", f"url = 'postgresql://me:{SECRET}@localhost/mill'"])
def test_a_password_file_has_to_belong_to_one_url(folder: Path, url: str) -> None:
    write_password(folder)
    (folder / "nightmill.toml").write_text(f"[store]\npassword_file = 'password'\n{url}\n")
    (fault,) = faults(folder)
    assert "given only beside a `url` without a password" in fault


def test_a_password_that_others_can_read_is_a_warning(folder: Path) -> None:
    path = folder / "nightmill.toml"
    write_store(path, f"postgresql://me:{SECRET}@localhost/mill")
    assert load(folder).warnings == ()
    path.chmod(0o644)
    (warning,) = load(folder).warnings
    assert "which others can read" in warning
    assert SECRET not in warning
