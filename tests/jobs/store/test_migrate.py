"""A new store is whole or not there; an old one is upgraded or as it was."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from jobs.errors import OtherVersionError, StoreError
from jobs.store import batches, hosts, migrate
from jobs.store import store as store_module
from jobs.store.engines import parse_url
from jobs.store.leadership import Leadership
from jobs.store.migrate import prepare
from jobs.store.schema import metadata
from jobs.store.store import Store
from jobs.store.version import HEAD
from tests.jobs.store.test_hosts import STUDIO

SCRIPTS = Path(migrate.__file__).parent / "migrations"


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/nightmill.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


def version(url: str) -> Any:
    engine = create_engine(parse_url(url))
    with engine.connect() as c:
        found = c.execute(text("SELECT version_num FROM alembic_version")).scalar()
    engine.dispose()
    return found


def definitions(c: Connection) -> list[str]:
    """Every table and index as the database itself describes it."""
    if c.dialect.name == "sqlite":
        # Of a table the columns, not the text: a column that was added stands at its end there.
        sql = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' UNION ALL"
            " SELECT t.name || '.' || i.cid, i.name || ' ' || i.type || i.\"notnull\" || i.pk"
            " || l.wr || coalesce(i.dflt_value, '') FROM sqlite_master AS t"
            " JOIN pragma_table_xinfo(t.name) AS i JOIN pragma_table_list(t.name) AS l"
            " WHERE t.type = 'table' AND t.name <> 'alembic_version'"
        )
    else:
        sql = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
            " SELECT table_name || '.' || column_name, concat_ws(' ', data_type, is_nullable,"
            " column_default) FROM information_schema.columns WHERE table_schema = 'public'"
        )
    rows = c.execute(text(sql)).all()
    return sorted(" ".join(f"{name} {words}".split()) for name, words in rows)


def test_a_new_store_can_be_opened(new_url: str) -> None:
    prepare(new_url)
    Store.open(new_url).close()
    assert version(new_url) == HEAD


def test_preparing_again_changes_nothing(new_url: str) -> None:
    prepare(new_url)
    store = Store.open(new_url)
    with store.write() as c:
        c.execute(text("INSERT INTO pools (name) VALUES ('a')"))
    prepare(new_url)
    with store.read() as c:
        assert c.execute(text("SELECT name FROM pools")).all() == [("a",)]
    store.close()


def test_the_program_knows_the_newest_script() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_scripts_make_the_schema(new_url: str, tmp_path: Path) -> None:
    prepare(new_url)
    engine = create_engine(parse_url(new_url))
    with engine.begin() as c:
        context = MigrationContext.configure(c)
        assert compare_metadata(context, metadata) == []
        migrated = [line for line in definitions(c) if "alembic" not in line]
        metadata.drop_all(c)
        metadata.create_all(c)
        assert migrated == [line for line in definitions(c) if "alembic" not in line]
    engine.dispose()


def test_a_new_file_is_its_owners_alone_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "nightmill.db"
    prepare(f"sqlite:///{path}")
    assert [file.name for file in path.parent.iterdir()] == ["nightmill.db"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_making_that_was_broken_off_is_begun_anew(tmp_path: Path) -> None:
    left = tmp_path / ".nightmill-new-of-the-dead"
    left.mkdir()
    for name in ("nightmill.db", "nightmill.db-wal"):
        (left / name).write_text("half a store")
    prepare(f"sqlite:///{tmp_path}/nightmill.db")
    assert [file.name for file in tmp_path.iterdir()] == ["nightmill.db"]


def test_the_log_of_a_store_that_was_moved_away_does_not_come_back(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/nightmill.db"
    prepare(url)
    store = Store.open(url)
    with store.write() as c:
        c.execute(text("INSERT INTO pools (name) VALUES ('old')"))
    # As kill -9 leaves it: the log was never folded in.
    log = (tmp_path / "nightmill.db-wal").read_bytes()
    store.close()
    (tmp_path / "nightmill.db").rename(tmp_path / "away.db")
    (tmp_path / "nightmill.db-wal").write_bytes(log)

    prepare(url)

    store = Store.open(url)
    with store.read() as c:
        assert c.execute(text("SELECT name FROM pools")).all() == []
    store.close()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be created: .* Make its folder writable"):
        prepare(f"sqlite:///{tmp_path}/file/nightmill.db")


def test_a_postgres_database_of_something_else_is_refused(postgres_url: str) -> None:
    engine = create_engine(parse_url(postgres_url))
    with engine.begin() as c:
        c.execute(text("CREATE TABLE jobs (id int)"))
    with pytest.raises(StoreError, match="not a Nightmill store"):
        prepare(postgres_url)
    engine.dispose()


def test_two_that_prepare_at_once_make_one_store(postgres_url: str) -> None:
    program = "import sys; from jobs.store.migrate import prepare; prepare(sys.argv[1])"
    both = [subprocess.Popen([sys.executable, "-c", program, postgres_url]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert version(postgres_url) == HEAD


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The program has one more script than the stores of today; its path."""
    scripts = tmp_path / "scripts"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    newest = scripts / "versions" / "9999_next.py"
    newest.write_text(
        "from alembic import op\n"
        f"revision = '9999'\ndown_revision = '{HEAD}'\n"
        "def upgrade():\n"
        "    op.execute('ALTER TABLE pools ADD COLUMN colour TEXT')\n"
    )
    monkeypatch.setattr(migrate, "_SCRIPTS", scripts)
    monkeypatch.setattr(migrate, "HEAD", "9999")
    monkeypatch.setattr(store_module, "HEAD", "9999")
    return newest


def prepare_today(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as today:
        today.setattr(migrate, "_SCRIPTS", SCRIPTS)
        today.setattr(migrate, "HEAD", HEAD)
        prepare(url)


def test_an_old_store_is_upgraded(
    new_url: str, next_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_today(new_url, monkeypatch)
    with pytest.raises(StoreError, match="upgrades it"):
        Store.open(new_url)
    prepare(new_url)
    store = Store.open(new_url)
    with store.write() as c:
        c.execute(text("INSERT INTO pools (name, colour) VALUES ('a', 'blue')"))
    store.close()


def test_a_store_of_the_first_version_keeps_its_batches(
    new_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "first"
    shutil.copytree(SCRIPTS, first, ignore=shutil.ignore_patterns("__pycache__", "000[2-9]_*"))
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "_SCRIPTS", first)
        earlier.setattr(migrate, "HEAD", "0001")
        prepare(new_url)
    engine = create_engine(parse_url(new_url))
    with engine.begin() as c:
        c.execute(
            text(
                "INSERT INTO batches (id, name, state, run_key, source, output, into_field,"
                " options, model, pool, revision, priority, data_class, created_at) VALUES"
                " ('b-1', 'night', 'open', 'k', 's', '', 'response', '{}', 'm', 'p', 1, 0,"
                " 'local', 1)"
            )
        )
    engine.dispose()
    prepare(new_url)
    store = Store.open(new_url)
    with store.read() as c:
        batch = batches.get(c, "night")
    assert (batch.paused_reason, batch.max_failures) == (None, 0.5)
    store.close()


def test_a_store_that_a_worker_of_the_old_version_uses_is_left_as_it_is(
    new_url: str, next_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_today(new_url, monkeypatch)
    engine = create_engine(parse_url(new_url))
    with engine.begin() as c:
        hosts.announce(c, STUDIO)
    with pytest.raises(OtherVersionError, match=r"use it: worker mlx@studio\. End them"):
        prepare(new_url)
    assert version(new_url) == HEAD
    with engine.begin() as c:
        hosts.leave(c, STUDIO.name, STUDIO.session)
    engine.dispose()
    prepare(new_url)
    assert version(new_url) == "9999"


def test_a_store_that_a_dispatcher_of_the_old_version_leads_is_left_as_it_is(
    new_url: str, next_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as today:
        today.setattr(store_module, "HEAD", HEAD)
        prepare_today(new_url, monkeypatch)
        leadership = Leadership(new_url)
        assert leadership.is_held()
    with pytest.raises(OtherVersionError, match="a dispatcher"):
        prepare(new_url)
    assert version(new_url) == HEAD
    leadership.release()
    prepare(new_url)


def test_a_copy_of_the_old_file_is_kept(
    tmp_path: Path, next_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/nightmill.db"
    prepare_today(url, monkeypatch)
    prepare(url)
    copy = tmp_path / "nightmill.db.before-9999"
    assert version(f"sqlite:///{copy}") == HEAD
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(
    new_url: str, next_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_today(new_url, monkeypatch)
    with next_version.open("a") as script:
        script.write("    op.execute('ALTER TABLE nowhere ADD COLUMN x TEXT')\n")
    with pytest.raises(StoreError):
        prepare(new_url)
    assert version(new_url) == HEAD
    engine = create_engine(parse_url(new_url))
    with engine.connect() as c:
        assert "colour" not in c.execute(text("SELECT * FROM pools")).keys()  # noqa: SIM118
    engine.dispose()


def test_a_newer_store_is_not_touched(new_url: str, next_version: Path) -> None:
    prepare(new_url)
    program = "import sys; from jobs.store.migrate import prepare; prepare(sys.argv[1])"
    ended = subprocess.run(
        [sys.executable, "-c", program, new_url], capture_output=True, text=True, check=False
    )
    assert "newer than this program's" in ended.stderr
    assert version(new_url) == "9999"
