from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from jobs.errors import SettingsError
from jobs.settings import Settings, WorkerSettings, load_settings
from jobs.settings_pools import PoolSettings

Load = Callable[..., Settings]
FAULTY = """
[pools.mlx]
slotz = 4
[pools."Two Words"]
backend = "mlx"
[pools.big]
[worker]
lease_s = 2
grace_s = true
max_attempts = "many"
[store]
url = 5
[cloud]
"""


@pytest.fixture
def folder(tmp_path: Path, home: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def load(folder: Path) -> Load:
    def load(
        toml: str | bytes | None = None,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        config: Path | None = None,
    ) -> Settings:
        if toml is not None:
            text = toml.encode() if isinstance(toml, str) else toml
            (folder / "nightmill.toml").write_bytes(text)
        return load_settings(config, environ or {}, folder, overrides or {})

    return load


def faults(load: Callable[[], Settings]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.faults


def test_nothing_has_to_be_set(load: Load, home: Path) -> None:
    settings = load()
    assert settings.pools == {"mlx": PoolSettings(backend="mlx")}
    assert settings.worker == WorkerSettings(lease_s=60, grace_s=30, max_attempts=3, max_crashes=3)
    assert settings.data_dir == platformdirs.user_data_path("nightmill")
    assert settings.data_dir.is_relative_to(home)
    assert settings.store_url == f"sqlite:///{settings.data_dir}/nightmill.db"
    assert (settings.broker_url, settings.source, settings.warnings) == (None, "", ())


def test_loading_writes_nothing(load: Load, home: Path, folder: Path) -> None:
    load(environ={"NIGHTMILL_DATA_DIR": "data"})
    assert [*home.iterdir(), *folder.iterdir()] == []


def test_settings_can_be_made_without_a_file(tmp_path: Path) -> None:
    pools = {"fake": PoolSettings(backend="fake", slots=2)}
    settings = Settings(data_dir=tmp_path, pools=pools)
    assert settings.pools["fake"].slots_or_default == 2


def test_settings_are_frozen(load: Load) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().worker.__setattr__("lease_s", 5)


def test_the_first_configuration_file_found_is_the_only_one_read(load: Load, folder: Path) -> None:
    own = platformdirs.user_config_path("nightmill") / "nightmill.toml"
    own.parent.mkdir(parents=True)
    own.write_text("[worker]\nlease_s = 11\nmax_crashes = 9\n")
    assert load().worker == WorkerSettings(lease_s=11, max_crashes=9)
    assert load("[worker]\nlease_s = 12\n").worker == WorkerSettings(lease_s=12)
    (folder / "named.toml").write_text("[worker]\nlease_s = 13\n")
    by_variable = {"NIGHTMILL_CONFIG": "named.toml"}
    assert load(environ=by_variable).worker.lease_s == 13
    (folder / "flag.toml").write_text("[worker]\nlease_s = 14\n")
    settings = load(environ=by_variable, config=Path("flag.toml"))
    assert settings.worker.lease_s == 14
    assert settings.source == str(folder / "flag.toml")


def test_the_environment_goes_over_the_file_and_flags_over_the_environment(load: Load) -> None:
    toml = "[pools.mlx]\nslots = 1\nprefer = ['x']\n[worker]\nmax_attempts = 1\nmax_crashes = 1\n"
    environ = {"NIGHTMILL_POOLS__MLX__SLOTS": "2", "NIGHTMILL_WORKER__MAX_ATTEMPTS": "2"}
    settings = load(toml, environ, {"pools": {"mlx": {"slots": 3}}})
    assert settings.pools["mlx"] == PoolSettings(backend="mlx", slots=3, prefer=("x",))
    assert (settings.worker.max_attempts, settings.worker.max_crashes) == (2, 1)


def test_the_environment_sets_the_default_pool_without_a_file(load: Load) -> None:
    settings = load(environ={"NIGHTMILL_POOLS__MLX__SLOTS": "16"})
    assert settings.pools == {"mlx": PoolSettings(backend="mlx", slots=16)}


def test_flags_may_bring_a_pool(load: Load) -> None:
    settings = load(overrides={"pools": {"null": {"slots": 8}}})
    assert settings.pools == {"null": PoolSettings(backend="null", slots=8)}


@pytest.mark.parametrize(
    ("backend", "slots"), [("mlx", 32), ("ollama", 1), ("fake", 4), ("null", 32)]
)
def test_slots_come_from_the_backend_unless_given(load: Load, backend: str, slots: int) -> None:
    assert load(f"[pools.x]\nbackend = '{backend}'\n").pools["x"].slots_or_default == slots


def test_a_list_is_separated_by_commas_in_a_variable(load: Load) -> None:
    settings = load(environ={"NIGHTMILL_POOLS__MLX__PREFER": "qwen3-4b, gemma-2b"})
    assert settings.pools["mlx"].prefer == ("qwen3-4b", "gemma-2b")


def test_a_switch_is_true_or_false_in_a_variable_too(load: Load) -> None:
    assert load(environ={"NIGHTMILL_WORKER__ALLOW_SLEEP": "true"}).worker.allow_sleep
    (fault,) = faults(lambda: load(environ={"NIGHTMILL_WORKER__ALLOW_SLEEP": "maybe"}))
    assert "to be true or false, got 'maybe'" in fault


def test_variables_of_the_tests_and_empty_ones_are_no_settings(load: Load) -> None:
    environ = {
        "NIGHTMILL_TEST_POSTGRES": "postgresql://localhost/x",
        "NIGHTMILL_WORKER__LEASE_S": "",
        "NIGHTMILL_CONFIG": "",
        "PATH": "/bin",
    }
    assert load(environ=environ) == load()


def test_relative_paths_are_taken_from_where_they_are_written(
    load: Load, folder: Path, home: Path
) -> None:
    conf = folder / "conf"
    conf.mkdir()
    (conf / "n.toml").write_text("data_dir = 'data'\n[pools.mlx]\nmodels_dir = '~/models'\n")
    settings = load(config=conf / "n.toml")
    assert settings.data_dir == conf / "data"
    assert settings.pools["mlx"].models_dir == home / "models"
    settings = load(environ={"NIGHTMILL_DATA_DIR": "data"}, config=conf / "n.toml")
    assert settings.data_dir == folder / "data"


def test_a_byte_order_mark_is_no_fault(load: Load) -> None:
    assert load(b"\xef\xbb\xbf[worker]\nlease_s = 7\n").worker.lease_s == 7


def test_aliases_keep_their_case(load: Load) -> None:
    assert load("[aliases]\nFast = 'Qwen/Qwen3-4B'\n").aliases == {"Fast": "Qwen/Qwen3-4B"}


def test_all_faults_are_reported_together(load: Load) -> None:
    environ = {"NIGHTMILL_SLOTS": "3", "NIGHTMILL_WORKER__MAX_CRASHES": "-1"}
    text = "\n".join(faults(lambda: load(FAULTY, environ)))
    for fault in (
        "unknown variable `NIGHTMILL_SLOTS`",
        "`worker.max_crashes` to be 1 or more, got '-1'; correct it in NIGHTMILL_WORKER",
        "unknown key `pools.mlx.slotz` in ",
        "the name of `pools.Two Words`",
        "`pools.big.backend` to be 'mlx', 'ollama', 'openai', 'fake' or 'null', got nothing",
        "`worker.lease_s` to be 5 or more, got 2",
        "`worker.grace_s` to be a number, got True",
        "`worker.max_attempts` to be a whole number, got 'many'",
        "`store.url` to be text, got 5",
        "unknown key `cloud`",
    ):
        assert fault in text
    assert len(text.splitlines()) == 10


@pytest.mark.parametrize(
    ("toml", "meant"),
    [
        ("[pools.mlx]\nslotz = 1", "did you mean `slots`?"),
        ("[store]\npassword = 'x'", "did you mean `password_file`?"),
        ("[workers]\nlease_s = 9", "did you mean `worker`?"),
        ("[pools.mlx]\nhome = '/'", "known here are `backend`, `between_tokens_s`, `connect_s`"),
        (
            "[cloud]\n",
            "known here are `aliases`, `broker`, `data_dir`, `discover`, `monitor`, ",
        ),
        ("source = 'x'", "did you mean `store`?"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(load: Load, toml: str, meant: str) -> None:
    (fault,) = faults(lambda: load(toml))
    assert fault.startswith("unknown key ")
    assert meant in fault


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("NIGHTMILL_DATADIR", "did you mean `NIGHTMILL_DATA_DIR`?"),
        ("NIGHTMILL_POOLS__MLX__SLOTZ", "did you mean `NIGHTMILL_POOLS__MLX__SLOTS`?"),
        ("NIGHTMILL_POOLS__MXL__SLOTS", "did you mean `NIGHTMILL_POOLS__MLX__SLOTS`?"),
        ("NIGHTMILL_CONFIGURATION", "did you mean `NIGHTMILL_CONFIG`?"),
    ],
)
def test_an_unknown_variable_names_the_nearest_known_one(load: Load, name: str, meant: str) -> None:
    (fault,) = faults(lambda: load(environ={name: "1"}))
    assert fault.startswith(f"unknown variable `{name}`")
    assert meant in fault


@pytest.mark.parametrize("name", ["NIGHTMILL_POOLS__MLX__BACKEND", "NIGHTMILL_ALIASES__FAST"])
def test_what_only_the_file_may_say_is_refused_from_the_environment(load: Load, name: str) -> None:
    (fault,) = faults(lambda: load(environ={name: "fake"}))
    assert fault == (f"expected `{name}` not to be set: only the file may say it; write it there")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"[pools\n", "to be TOML"),
        (b"a = 1\na = 2\n", "to be TOML"),
        (b"a = " + b"[" * 20_000, "to be TOML"),
        (b"a = " + b"9" * 5_000, "to be TOML"),
        (b"[worker]\nlease_s = '\xff'\n", "to be UTF-8"),
    ],
)
def test_a_file_that_is_not_toml_is_a_fault(load: Load, content: bytes, what: str) -> None:
    (fault,) = faults(lambda: load(content))
    assert what in fault


@pytest.mark.parametrize("by_variable", [False, True])
def test_a_named_file_has_to_be_there(load: Load, folder: Path, by_variable: bool) -> None:
    environ = {"NIGHTMILL_CONFIG": "no.toml"} if by_variable else {}
    (fault,) = faults(
        lambda: load(environ=environ, config=None if by_variable else Path("no.toml"))
    )
    assert fault.startswith(f"expected {folder / 'no.toml'} to be a configuration file")


def test_a_folder_is_no_configuration_file(load: Load, folder: Path) -> None:
    (fault,) = faults(lambda: load(config=folder))
    assert "Is a directory" in fault


def test_a_dangling_link_is_not_passed_over(load: Load, folder: Path) -> None:
    (folder / "nightmill.toml").symlink_to(folder / "gone.toml")
    (fault,) = faults(load)
    assert "No such file" in fault


@pytest.mark.parametrize(
    ("toml", "what"),
    [
        ("[pools.mlx]\nslots = 0", "1 or more"),
        ("[pools.mlx]\nslots = 1025", "1024 or less"),
        ("[pools.mlx]\nslots = 1.5", "a whole number"),
        ("[pools.mlx]\nslots = true", "a number"),
        ("[pools.mlx]\nprefer = [3]", "text"),
        ("[pools.mlx]\nprefer = 3", "a list of texts"),
        ("[pools.mlx]\nbackend = 'vllm'", "'mlx', 'ollama', 'openai', 'fake' or 'null'"),
        ("[pools.mlx]\nbackend.a.b.c.d = 1", "'mlx', 'ollama', 'openai', 'fake' or 'null'"),
        ("[[pools]]\nslots = 3", "a table"),
        ("pools = 3", "a table"),
        ("pools.mlx = 3", "a table"),
        ("[worker]\nlease_s = nan", "5 or more"),
        ("[worker]\nlease_s = 4.9", "5 or more"),
        ("[worker]\ngrace_s = -1", "0 or more"),
        ("[worker]\ngrace_s = 1e9", "86400 or less"),
        ("[worker]\nmax_attempts = 0", "1 or more"),
        ("[worker]\nmax_attempts = 1979-05-27", "a whole number"),
        ("[aliases]\nfast = ''", "text that is not empty"),
        ("data_dir = 3", "a path"),
        ("data_dir = 'who?'", "an absolute path without `?`"),
        ('data_dir = "a\\u0000b"', "an absolute path without `?`"),
    ],
)
def test_a_wrong_value_says_what_was_expected_and_where(
    load: Load, folder: Path, toml: str, what: str
) -> None:
    (fault,) = faults(lambda: load(toml))
    assert f" to be {what}" in fault
    assert fault.endswith(f"correct it in {folder / 'nightmill.toml'}")


@pytest.mark.parametrize("name", ["A", "1a", "a b", "ä", "a" * 33, "", "a.b", "a/b"])
def test_a_pool_name_has_to_be_a_queue_name(load: Load, name: str) -> None:
    (fault,) = faults(lambda: load(f'[pools."{name}"]\nbackend = "mlx"\n'))
    assert "1 to 32 of a-z, 0-9, - and _" in fault


def test_a_key_cannot_write_to_the_terminal(load: Load) -> None:
    (fault,) = faults(lambda: load('"\\u001b[31m" = 1\n'))
    assert fault.isprintable()


def test_a_models_folder_that_is_not_there_is_a_warning(load: Load, folder: Path) -> None:
    (warning,) = load("[pools.mlx]\nmodels_dir = 'gone'\n").warnings
    assert warning == f"`pools.mlx.models_dir`: there is no folder {folder / 'gone'}"


def test_a_models_folder_without_use_is_a_warning(load: Load) -> None:
    (warning,) = load("[pools.fake]\nmodels_dir = '.'\n").warnings
    assert warning == "`pools.fake.models_dir` does nothing: fake reads no models"
