"""Whole inputs, outputs and models that cannot be used: one sentence, and nothing left behind."""

from pathlib import Path

import pytest

from tests.nightmill.conftest import Command
from tests.nightmill.mill_process import write_rows


def test_inputs_of_no_use_leave_no_batch_behind(command: Command, mill: Path) -> None:
    (mill / "empty.jsonl").touch()
    (mill / "bad.jsonl").write_text("no\nusable\nline\n")
    (mill / "folder.jsonl").mkdir()

    for name in ("empty.jsonl", "bad.jsonl", "folder.jsonl", "missing.jsonl"):
        ended = command("run", name, "-o", "out.jsonl")

        assert ended.status == 2, name
        assert name in ended.err
        assert ended.err.count("\n") <= 4, ended.err

    assert command("batches", "--json").json["batches"] == []
    assert not (mill / "out.jsonl").exists()


def test_a_template_that_names_a_missing_column_stores_nothing(
    command: Command, mill: Path
) -> None:
    (mill / "in.jsonl").write_text('{"text": "a", "lang": "fr"}\n')

    ended = command("run", "in.jsonl", "--prompt", "Say {txet}")

    assert ended.status == 2
    assert "txet" in ended.err
    assert "text" in ended.err
    assert command("batches", "--json").json["batches"] == []


def test_a_model_that_nobody_has_is_named_with_what_there_is(command: Command, mill: Path) -> None:
    write_rows(mill / "in.jsonl", 1)

    ended = command("run", "in.jsonl", "--model", "faker")

    assert ended.status == 2
    assert "faker" in ended.err
    assert "Did you mean fake?" in ended.err


def test_no_model_at_all_tells_where_was_looked_and_what_would_help(
    command: Command, mill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(mill / "in.jsonl", 1)
    (mill / "nightmill.toml").write_text("[pools.mlx]\n")
    monkeypatch.setattr("backends.mlx.models.scan_models.__defaults__", (mill / "no-demo",))

    ended = command("run", "in.jsonl")

    assert ended.status == 2
    assert str(mill / "mlx-models") in ended.err
    assert "hf download" in ended.err


def test_without_mlx_lm_its_pool_has_no_models_and_the_message_says_how_to_get_it(
    command: Command, mill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(mill / "in.jsonl", 1)
    (mill / "nightmill.toml").write_text("[pools.mlx]\n")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    ended = command("run", "in.jsonl")

    assert ended.status == 2
    assert "nightmill[mlx]" in ended.err


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("gone/out.jsonl", "does not exist. Create it first"),
        ("in.jsonl/out.jsonl", "in.jsonl is a file"),
        ("folder", "is a directory"),
    ],
)
def test_an_output_that_cannot_be_written_is_found_before_anything_is_taken_in(
    command: Command, mill: Path, output: str, words: str
) -> None:
    write_rows(mill / "in.jsonl", 1)
    (mill / "folder").mkdir()

    for asked in (("run",), ("run", "--detach"), ("run", "--dry-run"), ("submit",)):
        refused = command(*asked, "in.jsonl", "-o", output)
        assert (refused.status, words in refused.err, refused.err.count("\n")) == (2, True, 1)
    assert command("batches", "--json").json["batches"] == []

    batch = command("submit", "in.jsonl").out.strip()
    refused = command("results", batch, "-o", output)
    assert (refused.status, words in refused.err) == (2, True)


def test_an_output_that_belongs_to_something_else_is_refused(command: Command, mill: Path) -> None:
    write_rows(mill / "in.jsonl", 1)
    (mill / "out.jsonl").write_text("something else\n")

    assert command("submit", "in.jsonl", "-o", "out.jsonl").status == 2
    assert command("submit", "in.jsonl", "-o", "in.jsonl", "--force").status == 2
    assert command("submit", "in.jsonl", "-o", "out.jsonl", "--force").status == 0
    assert (mill / "out.jsonl").read_text() == "something else\n"


def test_other_options_over_the_same_output_are_refused_by_name(
    command: Command, mill: Path
) -> None:
    write_rows(mill / "in.jsonl", 1)
    assert command("submit", "in.jsonl", "-o", "out.jsonl").status == 0

    ended = command("submit", "in.jsonl", "-o", "out.jsonl", "--max-tokens", "5")

    assert ended.status == 2
    assert "--max-tokens" in ended.err
    assert command("submit", "in.jsonl", "-o", "out.jsonl", "--max-tokens", "5", "--fresh")


def test_an_option_out_of_range_is_named(command: Command, mill: Path) -> None:
    write_rows(mill / "in.jsonl", 1)

    ended = command("run", "in.jsonl", "--temperature", "-1")

    assert ended.status == 2
    assert "--temperature" in ended.err


def test_a_data_directory_that_cannot_be_made_ends_with_3_and_says_what_helps(
    command: Command, mill: Path
) -> None:
    write_rows(mill / "in.jsonl", 1)
    (mill / "data").write_text("a file is in the way")

    ended = command("run", "in.jsonl")

    assert ended.status == 3
    assert "NIGHTMILL_DATA_DIR" in ended.err
    assert "same command again" in ended.err


def test_a_store_of_a_newer_version_is_left_alone(command: Command, mill: Path) -> None:
    import sqlite3
    from contextlib import closing

    command("batches")
    with closing(sqlite3.connect(mill / "data" / "nightmill.db")) as store, store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")

    ended = command("batches")

    assert ended.status == 3
    assert "upgrade nightmill" in ended.err


def test_a_configured_broker_that_does_not_answer_ends_with_3(command: Command, mill: Path) -> None:
    write_rows(mill / "in.jsonl", 1)
    with (mill / "nightmill.toml").open("a") as file:
        file.write('[broker]\nurl = "redis://:secret@127.0.0.1:1/0"\n')

    ended = command("run", "in.jsonl", "-o", "out.jsonl")

    assert ended.status == 3
    assert "does not answer" in ended.err
    assert "secret" not in ended.err
    assert "to go on:" in ended.err
