"""Where the server of a pool may be: prompts go there."""

from collections.abc import Mapping
from pathlib import Path

import platformdirs
import pytest

from jobs.errors import SettingsError
from jobs.settings import Settings, load_settings

KEY = "sk-tr0ub4dor"
HERE = [
    "http://127.0.0.1:8080",
    "http://localhost:1234/v1",
    "https://[::1]:8443/llm/",
    "http://127.1.2.3",
    "http+socket:///run/llama.sock",
]
PRIVATE = [
    "http://10.0.0.7:8000",
    "http://192.168.1.20:11434",
    "https://172.31.255.254",
    "http://100.64.0.9:8080",
    "http://169.254.10.1",
    "http://[fd12:3456::1]:8080",
]
#: With the reason that is given.
REFUSED = [
    ("https://api.openai.com/v1", "a name may lead anywhere"),
    ("http://studio.local:8080", "a name may lead anywhere"),
    ("http://localhost.example:8080", "a name may lead anywhere"),
    ("http://8.8.8.8", "only a `cloud` pool"),
    ("http://[2606:4700::1111]", "only a `cloud` pool"),
    ("http://[::ffff:8.8.8.8]", "only a `cloud` pool"),
    ("http://[64:ff9b::808:808]", "only a `cloud` pool"),
    ("http://172.32.0.1", "only a `cloud` pool"),
    ("http://100.128.0.1", "only a `cloud` pool"),
    ("http://0.0.0.0:8080", "only a `cloud` pool"),
    ("http://2130706433", "a name may lead anywhere"),
    ("http://0x7f.1", "a name may lead anywhere"),
    ("http://127.0.0.1:8080?host=8.8.8.8", "without a query"),
    ("http://127.0.0.1:8080?", "without a query"),
    ("http://me@127.0.0.1", "a key goes into `key_file`"),
    ("http://127.0.0.1@8.8.8.8", "a key goes into `key_file`"),
    ("http://127.0.0.1#@8.8.8.8", "a URL like"),
    ("http://127.0.0.1\\@8.8.8.8", "a URL like"),
    ("http://127.0.0.1;8.8.8.8", "a URL like"),
    ("HTTP://127.0.0.1", "a URL like"),
    ("127.0.0.1:8080", "a URL like"),
    ("http://", "a URL that names its host"),
    ("http+socket://", "a URL that names its host"),
    ("ftp://127.0.0.1", "begins with http:// or https://"),
    ("file:///etc/passwd", "begins with http:// or https://"),
    ("", "a URL like"),
]


@pytest.fixture
def folder(tmp_path: Path, home: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def write(path: Path, url: str, more: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[pools.openai]\nurl = '{url}'\n{more}")
    return path


def load(folder: Path, environ: Mapping[str, str] | None = None, config: str = "") -> Settings:
    return load_settings(Path(config) if config else None, environ or {}, folder)


def fault(folder: Path, environ: Mapping[str, str] | None = None, config: str = "") -> str:
    with pytest.raises(SettingsError) as caught:
        load(folder, environ, config)
    [fault] = caught.value.faults
    return fault


@pytest.mark.parametrize("url", HERE + PRIVATE)
def test_the_owners_file_may_name_this_machine_and_private_networks(folder: Path, url: str) -> None:
    write(folder / "own.toml", url)
    assert load(folder, config="own.toml").pools["openai"].server_url == url
    write(platformdirs.user_config_path("nightmill") / "nightmill.toml", url)
    assert load(folder).pools["openai"].server_url == url


@pytest.mark.parametrize(("url", "why"), REFUSED)
def test_nobody_may_name_what_is_public_or_cannot_be_told(folder: Path, url: str, why: str) -> None:
    write(folder / "own.toml", url)
    said = fault(folder, config="own.toml")
    assert said.startswith("expected `pools.openai.url` to be ")
    assert why in said


@pytest.mark.parametrize("url", HERE)
def test_a_folder_and_the_environment_may_name_this_machine(folder: Path, url: str) -> None:
    write(folder / "nightmill.toml", url)
    assert load(folder).pools["openai"].server_url == url
    other = {"NIGHTMILL_POOLS__OPENAI__URL": "http://127.0.0.1:1"}
    assert load(folder, other).pools["openai"].server_url == "http://127.0.0.1:1"


@pytest.mark.parametrize("url", PRIVATE)
def test_a_folder_that_was_handed_over_may_not_name_a_network(folder: Path, url: str) -> None:
    write(folder / "nightmill.toml", url)
    said = fault(folder)
    assert said.startswith("expected `pools.openai.url` from")
    assert "to be on this machine" in said


@pytest.mark.parametrize("url", PRIVATE)
def test_the_environment_may_not_name_a_network(folder: Path, url: str) -> None:
    write(folder / "own.toml", HERE[0])
    said = fault(folder, {"NIGHTMILL_POOLS__OPENAI__URL": url}, "own.toml")
    assert "from NIGHTMILL_POOLS__OPENAI__URL to be on this machine" in said


def test_the_environment_may_name_a_host_that_the_owners_file_names(folder: Path) -> None:
    write(folder / "own.toml", "http://10.0.0.7:8000")
    environ = {"NIGHTMILL_POOLS__OPENAI__URL": "http://10.0.0.7:9000"}
    assert load(folder, environ, "own.toml").pools["openai"].server_url == "http://10.0.0.7:9000"


def test_variables_of_other_programs_have_no_say(folder: Path) -> None:
    others = {
        "OLLAMA_HOST": "ollama.com",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": "https://api.openai.com/v1",
        "HTTP_PROXY": "http://192.0.2.1:3128",
        "HTTPS_PROXY": "http://192.0.2.1:3128",
        "ALL_PROXY": "socks5://192.0.2.1:1080",
    }
    (folder / "nightmill.toml").write_text("[pools.ollama]\n[pools.openai]\nurl='http://[::1]:1'\n")
    settings = load(folder, others)
    assert settings == load(folder)
    assert settings.pools["ollama"].server_url == "http://127.0.0.1:11434"
    assert settings.pools["openai"].key is None


def test_an_ollama_is_at_its_usual_place_and_another_server_has_to_be_named(folder: Path) -> None:
    (folder / "nightmill.toml").write_text("[pools.ollama]\n")
    pool = load(folder).pools["ollama"]
    assert (pool.server_url, pool.slots_or_default) == ("http://127.0.0.1:11434", 1)
    (folder / "nightmill.toml").write_text("[pools.vllm]\nbackend = 'openai'\n")
    assert fault(folder).startswith(
        "expected `pools.vllm.url` to be given, as in http://127.0.0.1:8080; correct it in "
    )


def test_a_key_comes_from_a_file_and_never_shows(folder: Path) -> None:
    (folder / "key").write_text(f"{KEY}\n")
    (folder / "key").chmod(0o600)
    write(folder / "nightmill.toml", HERE[0], "key_file = 'key'")
    settings = load(folder)
    assert settings.pools["openai"].key == KEY
    assert KEY not in repr(settings) + str(settings.model_dump())
    (folder / "key").chmod(0o644)
    assert "`pools.openai.key_file` to be a file that only you can read" in fault(folder)
    write(folder / "nightmill.toml", HERE[0], f"key_file = '{KEY}'")
    assert KEY not in fault(folder)


@pytest.mark.parametrize(
    ("toml", "what"),
    [
        ("connect_s = 0", "0.1 or more"),
        ("first_token_s = 0.5", "1 or more"),
        ("between_tokens_s = true", "a number"),
        ("total_s = 90000", "86400 or less"),
    ],
)
def test_a_time_out_has_its_limits(folder: Path, toml: str, what: str) -> None:
    write(folder / "nightmill.toml", HERE[0], toml)
    assert f"to be {what}" in fault(folder)


def test_what_asks_no_server_warns_of_settings_for_one(folder: Path) -> None:
    (folder / "nightmill.toml").write_text("[pools.mlx]\nurl = 'http://[::1]:1'\ntotal_s = 9\n")
    assert load(folder).warnings == (
        "`pools.mlx.total_s` does nothing: mlx asks no server",
        "`pools.mlx.url` does nothing: mlx asks no server",
    )


def test_discovery_can_be_switched_off_by_a_variable_and_not_on(folder: Path) -> None:
    assert load(folder).discover
    assert not load(folder, {"NIGHTMILL_DISCOVER": "false"}).discover
    (folder / "nightmill.toml").write_text("discover = false\n")
    assert not load(folder, {"NIGHTMILL_DISCOVER": "0"}).discover
    assert fault(folder, {"NIGHTMILL_DISCOVER": "true"}).startswith(
        "expected NIGHTMILL_DISCOVER not to switch on what "
    )
    (folder / "nightmill.toml").write_text("discover = 'perhaps'\n")
    assert "`discover` to be true or false, got 'perhaps'" in fault(folder)


def test_pools_that_were_found_stand_beside_the_default_one(folder: Path) -> None:
    settings = load(folder)
    assert not settings.names_pools
    more = settings.with_found({"openai": "http://127.0.0.1:8080"})
    assert {name: pool.backend for name, pool in more.pools.items()} == {
        "mlx": "mlx",
        "openai": "openai",
    }
    assert more.found == {"openai": "http://127.0.0.1:8080"}
    assert (settings.found, more.source) == ({}, settings.source)


def test_a_variable_for_a_pool_is_no_naming_of_pools(folder: Path) -> None:
    assert not load(folder, {"NIGHTMILL_POOLS__MLX__SLOTS": "3"}).names_pools
    write(folder / "nightmill.toml", HERE[0])
    assert load(folder).names_pools
