"""The commands that start nothing: what they print, and how they end."""

from pathlib import Path

import pytest

from jobs.store.engines import Kind, make_engine, parse_url
from jobs.store.migrate import prepare
from nightmill import Client
from nightmill.cli.app import COMMANDS
from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import read_rows, write_rows


@pytest.fixture
def batch(mill: Path, command: Command) -> str:
    """A batch of three rows that waits to be run."""
    write_rows(mill / "in.jsonl", 3)
    return command("submit", "in.jsonl", "-o", "out.jsonl").out.strip()


def test_submit_prints_the_id_of_a_batch_that_waits(command: Command, batch: str) -> None:
    status = command("status", batch, "--json").json

    assert batch.startswith("b-")
    assert status["schema"] == 1
    assert status["state"] == "open"
    assert status["counts"]["pending"] == 3


def test_the_status_has_what_the_contract_names(command: Command, batch: str, mill: Path) -> None:
    status = command("status", batch[:10], "--json").json

    assert status | {"name": "in.jsonl", "model": "fake", "pool": "fake"} == status
    assert status | {"jobs_per_s": 0, "tokens_per_s": 0, "eta_s": None} == status
    assert status["id"] == batch
    assert status["output"] == str(mill / "out.jsonl")


def test_the_same_submit_again_is_the_same_batch(command: Command, batch: str) -> None:
    again = command("submit", "in.jsonl", "-o", "out.jsonl", "--json").json

    assert (again["id"], again["kept"]) == (batch, 3)


def test_a_cancelled_batch_is_over_and_waiting_for_it_ends_with_1(
    command: Command, batch: str, mill: Path
) -> None:
    cancelled = command("cancel", batch, "--json").json
    waited = command("wait", batch)

    assert cancelled == {"schema": 1, "id": batch, "cancelled": 3, "job": None}
    assert waited.status == 1
    assert "3 cancelled" in waited.err
    assert [row["error"]["code"] for row in read_rows(mill / "out.jsonl")] == ["cancelled"] * 3


def test_results_can_be_read_before_anything_ran(command: Command, batch: str) -> None:
    written = command("results", batch, "-o", "so-far.jsonl", "--json").json

    assert written["rows"] == 0
    assert command("results", batch).out == ""


def test_results_do_not_overwrite_a_file_of_something_else(
    command: Command, batch: str, mill: Path
) -> None:
    (mill / "notes.jsonl").write_text("mine")

    refused = command("results", batch, "-o", "notes.jsonl")

    assert refused.status == 2
    assert (mill / "notes.jsonl").read_text() == "mine"
    assert command("results", batch, "-o", "notes.jsonl", "--force").status == 0


def test_retry_says_when_nothing_has_failed(command: Command, batch: str) -> None:
    retried = command("retry", batch, "--json").json

    assert retried | {"schema": 1, "id": batch, "retried": 0} == retried
    assert "no row that could run has failed" in command("retry", batch).err


def test_batches_lists_the_newest_first(command: Command, batch: str, mill: Path) -> None:
    write_rows(mill / "next.jsonl", 1)
    newer = command("submit", "next.jsonl", "--name", "mine").out.strip()

    listed = command("batches", "--json").json["batches"]

    assert [one["id"] for one in listed] == [newer, batch]
    assert listed[0]["name"] == "mine"
    assert batch.startswith(command("batches").out.splitlines()[2].split()[0])


def test_models_says_which_one_auto_takes_and_why(command: Command) -> None:
    found = command("models", "--json").json

    assert found["schema"] == 1
    assert found["auto"] == "fake"
    assert found["pools"][0]["models"][0]["name"] == "fake"
    assert "auto: fake" in command("models").out


def test_check_finds_nothing_wrong_with_a_fresh_home(command: Command) -> None:
    checked = command("check", "--json")

    assert checked.status == 0
    assert checked.json["ok"]
    assert {finding["what"] for finding in checked.json["findings"]} == {
        *("settings", "data directory", "store", "broker", "models")
    }


def test_check_finds_nothing_wrong_with_a_database_that_is_yet_empty(
    command: Command, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTMILL_STORE__URL", postgres_url)

    checked = command("check")

    assert checked.status == 0
    assert "which the first command makes" in checked.out
    prepare(postgres_url)
    assert "which the first command makes" not in command("check").out


def test_check_tells_of_a_database_of_something_else(
    command: Command, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(parse_url(postgres_url), Kind.DURABLE)
    with engine.begin() as c:
        c.exec_driver_sql("CREATE TABLE jobs (title text)")
    engine.dispose()
    monkeypatch.setenv("NIGHTMILL_STORE__URL", postgres_url)

    checked = command("check")

    assert checked.status == 2
    assert "not a Nightmill store" in checked.out


def test_check_names_all_problems_together(command: Command, mill: Path) -> None:
    (mill / "nightmill.toml").write_text("[pools.mlx]\nmodels_dir = '/nowhere'\n")
    (mill / "data").write_text("a file where the data directory should be")

    checked = command("check")

    assert checked.status == 2
    assert "problem  data directory" in checked.out
    assert "warning  settings" in checked.out


def test_all_faults_of_the_configuration_are_told_at_once(command: Command, mill: Path) -> None:
    (mill / "nightmill.toml").write_text("[pools.fake]\nslotz = 3\n[worker]\nlease_s = 'x'\n")

    told = command("batches")

    assert told.status == 2
    assert "slots" in told.err
    assert "lease_s" in told.err


def test_check_reports_faults_of_the_configuration_as_problems(
    command: Command, mill: Path
) -> None:
    (mill / "nightmill.toml").write_text("[worker]\nlease_s = 'x'\n")

    checked = command("check", "--json")

    assert checked.status == 2
    assert [finding["kind"] for finding in checked.json["findings"]] == ["problem"]


def test_dispatch_and_worker_want_a_broker_that_others_reach(command: Command) -> None:
    for args in (["dispatch"], ["worker", "fake"]):
        ended = command(*args)

        assert ended.status == 2
        assert "`broker.url`" in ended.err


def test_a_worker_of_an_unknown_pool_is_told_the_known_ones(command: Command) -> None:
    ended = command("worker", "nope")

    assert ended.status == 2
    assert "Configured are: fake" in ended.err


def test_json_and_results_do_not_share_standard_output(command: Command, mill: Path) -> None:
    write_rows(mill / "in.jsonl", 1)

    assert command("run", "in.jsonl", "--json").status == 2


def test_the_version_is_printed(command: Command) -> None:
    assert command("--version").out.startswith("nightmill 0.")


@pytest.mark.parametrize("name", [one.__name__ for one in COMMANDS])
def test_the_help_of_every_command_has_an_example_and_the_common_options(
    command: Command, name: str
) -> None:
    shown = command(name, "--help")

    assert shown.status == 0
    assert f"Example: nightmill {name}" in shown.out
    assert "--json" in shown.out
    assert "--config" in shown.out


def test_wrong_use_ends_with_2(command: Command) -> None:
    assert command("run").status == 2
    assert command("nope").status == 2
    assert command("status", "b-nope").status == 2


def test_a_fault_of_ours_is_told_without_its_text_and_with_debug_in_full(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a prompt, perhaps")

    monkeypatch.setattr("nightmill.looking.newest", fail)

    told = command("batches")
    in_full = command("--debug", "batches")

    assert told.status == in_full.status == 3
    assert "ValueError in test_commands.py" in told.err
    assert "a prompt" not in told.err
    assert "Traceback" in in_full.err


def test_an_output_that_its_owner_went_on_with_is_left_alone(command: Command, mill: Path) -> None:
    write_rows(mill / "in.jsonl", 2)
    with Client() as client:
        client.wait(client.submit("in.jsonl", output=Path("out.jsonl")))
    assert command("run", "in.jsonl", "-o", "out.jsonl").status == 0
    corrected = (mill / "out.jsonl").read_text().replace('"response":"row 0"', '"response":"mine"')
    (mill / "out.jsonl").write_text(corrected)

    assert command("run", "in.jsonl", "-o", "out.jsonl").status == 0

    assert '"mine"' in corrected
    assert (mill / "out.jsonl").read_text() == corrected


@pytest.mark.parametrize(
    "words",
    [("--prompt", " "), ("--priority", "99999999999999999999"), ("--max-tokens", "0")],
)
def test_values_of_no_use_are_refused_before_anything_is_stored(
    command: Command, mill: Path, words: tuple[str, str]
) -> None:
    write_rows(mill / "in.jsonl", 1)
    assert command("run", "in.jsonl", "-o", "out.jsonl", *words).status == 2
    assert not (mill / "data").exists()


def test_an_answer_longer_than_its_model_has_room_for_is_refused(
    command: Command, mill: Path
) -> None:
    (mill / "nightmill.toml").write_text('[pools.mlx]\nbackend = "mlx"\nmodels_dir = "none"\n')
    write_rows(mill / "in.jsonl", 1)
    wanted = ("in.jsonl", "-o", "out.jsonl", "--model", "demo", "--max-tokens")

    for words in (("submit", *wanted, "8192"), ("run", "--dry-run", *wanted, "8192")):
        refused = command(*words)
        assert refused.status == 2
        assert "demo has room for 8,192 tokens" in refused.err
    assert command("submit", *wanted, "8191").status == 0
