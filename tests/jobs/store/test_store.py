"""Opening a store, and the transactions it gives."""

import errno
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url, text

from jobs.errors import StoreError, UsageError
from jobs.locks import FileLock
from jobs.store import engines
from jobs.store import store as store_module
from jobs.store.errors import DataFault
from jobs.store.migrate import prepare
from jobs.store.store import Store


def names(store: Store) -> list[str]:
    with store.read() as c:
        return list(c.execute(text("SELECT name FROM pools ORDER BY name")).scalars())


def add(store: Store, name: str, *, durable: bool = False) -> None:
    with store.write(durable=durable) as c:
        c.execute(text("INSERT INTO pools (name) VALUES (:name)"), {"name": name})


def test_what_is_written_is_read(store: Store) -> None:
    add(store, "a")
    add(store, "b", durable=True)
    assert names(store) == ["a", "b"]


def test_an_error_in_the_block_takes_all_of_it_back(store: Store) -> None:
    def add_and_fail() -> None:
        with store.write() as c:
            c.execute(text("INSERT INTO pools (name) VALUES ('a')"))
            raise RuntimeError("mid-way")

    with pytest.raises(RuntimeError, match="mid-way"):
        add_and_fail()
    assert names(store) == []


def test_a_reader_cannot_write(store: Store) -> None:
    with (
        pytest.raises(StoreError, match=r"does not let us write|cannot be written"),
        store.read() as c,
    ):
        c.execute(text("INSERT INTO pools (name) VALUES ('a')"))


def test_a_reader_does_not_wait_for_a_writer(store: Store) -> None:
    with store.write() as c:
        c.execute(text("INSERT INTO pools (name) VALUES ('a')"))
        assert names(store) == []
    assert names(store) == ["a"]


def test_writers_of_many_threads_take_turns(store: Store) -> None:
    threads = [
        threading.Thread(target=add, args=(store, f"{i:02}"), kwargs={"durable": i % 2 == 0})
        for i in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert names(store) == [f"{i:02}" for i in range(20)]


def test_a_value_twice_is_a_fault_of_the_data_and_is_not_shown(store: Store) -> None:
    add(store, "secret prompt")
    with pytest.raises(DataFault) as caught:
        add(store, "secret prompt")
    assert not isinstance(caught.value, StoreError)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_number_that_is_too_large_is_a_fault_of_the_data(store: Store) -> None:
    with pytest.raises(DataFault), store.write() as c:
        c.execute(text("INSERT INTO pools (name, paused) VALUES ('a', :n)"), {"n": 2**70})


def test_wrong_sql_does_not_show_its_values(store: Store) -> None:
    with pytest.raises(StoreError) as caught, store.read() as c:
        c.execute(text("SELECT :word FROM nowhere"), {"word": "secret prompt"})
    assert "secret" not in f"{caught.value} {caught.value.__cause__}"


def test_a_store_can_be_opened_twice(store_url: str) -> None:
    one, two = Store.open(store_url), Store.open(store_url)
    add(one, "a")
    assert names(two) == ["a"]
    one.close()
    two.close()


def test_a_closed_store_leaves_no_log_behind(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    add(store, "a")
    store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nightmill.db", "nightmill.db.lock"]


@pytest.mark.parametrize(("durable", "level"), [(False, 1), (True, 2)])
def test_a_durable_write_is_synced(sqlite_store: Store, durable: bool, level: int) -> None:
    with sqlite_store.write(durable=durable) as c:
        assert c.execute(text("PRAGMA synchronous")).scalar() == level
        assert c.execute(text("PRAGMA fullfsync")).scalar() == 1
        assert c.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_a_write_holds_the_lock_from_its_beginning(sqlite_store: Store, tmp_path: Path) -> None:
    with (
        sqlite_store.write(),
        closing(sqlite3.connect(tmp_path / "nightmill.db", timeout=0)) as other,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")


def test_a_missing_store_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.db"
    with pytest.raises(StoreError, match=f"no store at {path}.*nightmill run"):
        Store.open(f"sqlite:///{path}")
    assert not path.exists()


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "music.db"
    with closing(sqlite3.connect(path)) as c:
        c.execute("CREATE TABLE alembic_version (version_num TEXT)")
        c.execute("INSERT INTO alembic_version VALUES ('ae1027a6acf')")
        c.commit()
    for use in (Store.open, prepare):
        with pytest.raises(StoreError, match="not a Nightmill store"):
            use(f"sqlite:///{path}")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear Sir or Madam, " * 100)
    for use in (Store.open, prepare):
        with pytest.raises(StoreError, match="not a Nightmill store"):
            use(f"sqlite:///{path}")


@pytest.mark.parametrize(
    ("version", "says"), [("0000", "end every nightmill"), ("9999", "upgrade nightmill")]
)
def test_a_store_of_another_version_is_refused(store_url: str, version: str, says: str) -> None:
    store = Store.open(store_url)
    with store.write() as c:
        old = c.execute(text("SELECT version_num FROM alembic_version")).scalar()
        c.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    try:
        with pytest.raises(StoreError, match=f"version {version}.*{says}"):
            Store.open(store_url)
    finally:
        with store.write() as c:
            c.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": old})
        store.close()


def test_a_store_that_another_program_has_locked_says_so(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_WAIT_S", 0.05)
    store = Store.open(sqlite_url)
    with closing(sqlite3.connect(tmp_path / "nightmill.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program for more than"):
            add(store, "a")
    add(store, "b")
    assert names(store) == ["b"]
    store.close()


def test_a_writer_of_ours_that_is_stopped_in_the_middle_is_not_waited_for_without_end(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "LOCK_WAIT_S", 0.05)
    stopped = FileLock(store_module.lock_path(tmp_path / "nightmill.db"))
    with stopped, pytest.raises(StoreError, match="locked by another program for more than"):
        add(sqlite_store, "a")
    add(sqlite_store, "b")
    assert names(sqlite_store) == ["b"]


def test_a_lock_on_postgres_is_not_waited_for_without_end(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_WAIT_S", 0.05)
    prepare(postgres_url)
    store = Store.open(postgres_url)
    add(store, "a")
    with store.write() as c:
        c.execute(text("UPDATE pools SET paused = 1"))
        with pytest.raises(StoreError, match="locked by another program"), store.write() as other:
            other.execute(text("UPDATE pools SET paused = 2"))
    store.close()


def test_a_full_disk_is_named(sqlite_store: Store) -> None:
    with sqlite_store.write() as c:
        # Stays with the pooled connection, which the next writer gets.
        c.execute(text("PRAGMA max_page_count = 1"))
    with pytest.raises(StoreError, match=r"The disk of the store .* is full"):
        add(sqlite_store, "x" * 100_000)
    assert names(sqlite_store) == []


def test_a_damaged_store_is_named(sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / "nightmill.db"
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        Store.open(sqlite_url)


def test_a_folder_that_went_away_is_named(sqlite_url: str, tmp_path: Path) -> None:
    store = Store.open(sqlite_url)
    store.close()
    tmp_path.rename(tmp_path.with_name("elsewhere"))
    with pytest.raises(StoreError, match="cannot be locked for writing"):
        add(store, "a")
    with pytest.raises(StoreError, match="cannot be opened"):
        names(store)
    store.close()


def test_a_lost_connection_is_named_and_the_next_transaction_has_a_new_one(
    postgres_url: str,
) -> None:
    prepare(postgres_url)
    store = Store.open(postgres_url)

    def ask_on_a_dead_connection() -> None:
        with store.read() as c:
            me = c.execute(text("SELECT pg_backend_pid()")).scalar()
            with store.write() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": me})
            c.execute(text("SELECT 1"))

    with pytest.raises(StoreError, match="was lost"):
        ask_on_a_dead_connection()
    assert names(store) == []
    store.close()


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(StoreError, match="does not answer") as caught:
        Store.open("postgresql://me:sesame@127.0.0.1:1/mill")
    assert "sesame" not in str(caught.value)
    assert "me:***@127.0.0.1:1/mill" in str(caught.value)


@pytest.mark.parametrize(
    ("part", "value", "says"),
    [("database", "nobody", "createdb"), ("username", "nobody", "does not let us in")],
)
def test_a_server_that_refuses_says_what_to_correct(
    postgres_server_url: URL, part: str, value: str, says: str
) -> None:
    url = postgres_server_url.set(**{part: value})  # type: ignore[arg-type]
    with pytest.raises(StoreError, match=says):
        Store.open(url.render_as_string(hide_password=False))


def test_an_empty_database_is_no_store_yet(postgres_url: str) -> None:
    with pytest.raises(StoreError, match="There is no store at"):
        Store.open(postgres_url)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://me:sesame@x/y", "sesame", ""]
)
def test_a_url_of_another_kind_is_wrong_use(url: str) -> None:
    with pytest.raises(UsageError, match=r"Expected sqlite:") as caught:
        Store.open(url)
    assert "sesame" not in str(caught.value)


def test_a_python_with_an_old_sqlite_is_named(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(UsageError, match="Use a newer Python"):
        Store.open(sqlite_url)


def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    folder = tmp_path / "a b?c#d%20é"
    folder.mkdir()
    url = f"sqlite:///{folder}/nightmill.db"
    prepare(url)
    store = Store.open(url)
    add(store, "a")
    assert names(store) == ["a"]
    assert store.describe() == f"{folder}/nightmill.db"
    store.close()
    assert (folder / "nightmill.db").exists()


def test_a_description_has_no_password(postgres_url: str) -> None:
    prepare(postgres_url)
    url = make_url(postgres_url).set(password="sesame")
    store = Store.open(url.render_as_string(hide_password=False))
    assert "sesame" not in store.describe()
    assert str(url.database) in store.describe()
    store.close()


@pytest.mark.parametrize("name", ["password", "sslpassword"])
def test_a_description_has_no_password_of_the_query(name: str) -> None:
    url = make_url(f"postgresql://me@localhost/mill?{name}=sesame")

    assert store_module.describe(url) == "postgresql://me@localhost/mill"


def test_earlier_stores_that_are_kept_beside_are_known(sqlite_store: Store, tmp_path: Path) -> None:
    kept = [tmp_path / f"nightmill.db.{why}" for why in ("before-0002", "replaced-2026-11-24")]
    for path in (*kept, tmp_path / "nightmill.db.mine"):
        path.touch()

    assert sqlite_store.copies() == kept


def test_a_disk_that_does_not_answer_is_a_store_that_does_not(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("shutil.disk_usage", fail)

    with pytest.raises(StoreError, match="does not say how full it is: Input/output error"):
        sqlite_store.free_bytes()


def test_a_log_that_goes_while_the_store_is_measured_counts_nothing(
    sqlite_store: Store, tmp_path: Path
) -> None:
    sqlite_store.close()

    assert sqlite_store.size() == (tmp_path / "nightmill.db").stat().st_size


def test_the_files_of_a_store_are_its_owners_alone(sqlite_store: Store, tmp_path: Path) -> None:
    add(sqlite_store, "a")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}


def test_opening_a_store_loads_no_migration_tool(sqlite_url: str) -> None:
    program = (
        "import sys; from jobs.store.store import Store; Store.open(sys.argv[1]).close();"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, sqlite_url], check=False).returncode == 0
