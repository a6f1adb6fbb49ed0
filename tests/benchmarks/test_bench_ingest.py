import json
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, text

from jobs.store.store import Store
from nightmill.bench import run
from nightmill.bench.bare_insert import insert_again
from nightmill.bench.batch import submit_requests
from nightmill.bench.inputs import LINE_BYTES, WRITERS
from nightmill.bench.options import BenchOptions
from nightmill.bench.queue import REQUEST
from nightmill.bench.stores import store_maker
from producer.inputs import as_inputs
from producer.reader import read_rows
from producer.source import Source
from producer.submit import CHUNK_ROWS


def test_the_ingest_bench_measures_both_sides(tiny: BenchOptions) -> None:
    result = run("ingest", tiny)

    parts = result.detail["parts"]
    assert [part.name for part in parts] == [
        "ingest on sqlite",
        "ingest on sqlite, .csv",
        "ingest on sqlite, .parquet",
    ]
    for part in parts:
        assert part.ours > 0
        assert part.peer > 0
        assert 0 < part.detail["peak_memory_mb"] < 200
    assert list(tiny.folder.iterdir()) == []


@pytest.mark.long
def test_the_ingest_bench_measures_on_a_server_of_the_users(
    tmp_path: Path, postgres_server_url: URL
) -> None:
    url = postgres_server_url.render_as_string(hide_password=False)

    result = run("ingest", BenchOptions(folder=tmp_path, stores=(url,), runs=1, size=100))

    assert result.name == "ingest on postgres"
    assert url not in repr(result)


def test_lines_are_rows_of_one_kilobyte_and_the_same_in_each_format(tmp_path: Path) -> None:
    rows = {}
    for ending, write in WRITERS.items():
        path = tmp_path / f"input{ending}"
        write(path, 3)
        given = as_inputs([path])[0]
        rows[ending] = [line.data for line in read_rows(Source(path), given)]

    assert [len(line) for line in rows[".jsonl"]] == [LINE_BYTES - 1] * 3
    assert json.loads(rows[".jsonl"][2])["custom_id"] == "row-00000003"
    assert rows[".csv"] == rows[".parquet"] == rows[".jsonl"]


def test_the_peer_inserts_the_very_same_rows(sqlite_store: Store, tmp_path: Path) -> None:
    batch_id = submit_requests(sqlite_store, "null", [REQUEST] * (CHUNK_ROWS + 1))

    with (
        store_maker("sqlite", tmp_path) as new_store,
        new_store() as url,
        closing(Store.open(url)) as peer,
    ):
        assert insert_again(sqlite_store, batch_id, peer) > 0
        copied = rows_of(peer)

    assert copied == rows_of(sqlite_store)


def rows_of(store: Store) -> list[list[tuple[object, ...]]]:
    statements = ("SELECT * FROM jobs ORDER BY id", "SELECT * FROM requests ORDER BY job_id")
    with store.read() as c:
        return [[tuple(row) for row in c.execute(text(sql))] for sql in statements]
