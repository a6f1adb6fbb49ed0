import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.locks import FileLock
from tests.waiting import eventually

#: Takes the lock, says so, and holds it until it is killed or its input ends.
HOLDER = """
import sys
from pathlib import Path
from jobs.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
lock.acquire()
lock.note("the holder")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.lock"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_waiting_for_a_lock_ends_in_time_and_does_not_take_it_later(tmp_path: Path) -> None:
    holder, waiter = FileLock(tmp_path / "some.lock"), FileLock(tmp_path / "some.lock")
    holder.acquire()

    assert not waiter.acquire(0.05)
    assert not waiter.is_held

    holder.release()
    eventually(waiter.try_acquire, "the lock that nobody holds")


def test_who_waits_with_patience_gets_the_lock(tmp_path: Path) -> None:
    holder, waiter = FileLock(tmp_path / "some.lock"), FileLock(tmp_path / "some.lock")
    holder.acquire()
    releasing = threading.Timer(0.05, holder.release)
    releasing.start()

    assert waiter.acquire(30)

    releasing.join()
    assert waiter.is_held
    assert not holder.try_acquire()
    waiter.release()
    assert holder.try_acquire()


def test_no_lock_is_taken_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "some.lock").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic link"):
        FileLock(tmp_path / "some.lock").try_acquire()
    assert precious.read_text() == "mine"


def test_another_process_does_not_get_it(path: Path, holder: subprocess.Popen[str]) -> None:
    lock = FileLock(path)
    assert not lock.try_acquire()
    assert not lock.is_held
    assert lock.read_note() == "the holder"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_free_when_its_holder_is_dead(
    path: Path, holder: subprocess.Popen[str], how: signal.Signals
) -> None:
    holder.send_signal(how)
    holder.wait()
    lock = FileLock(path)
    assert lock.try_acquire()
    lock.release()


def test_who_waits_gets_it_when_the_holder_dies(path: Path, holder: subprocess.Popen[str]) -> None:
    waiter = threading.Thread(target=lambda: FileLock(path).acquire(), daemon=True)
    waiter.start()
    holder.kill()
    waiter.join(10)
    assert not waiter.is_alive()


def test_a_child_does_not_inherit_it(path: Path) -> None:
    with FileLock(path):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        other = FileLock(path)
        assert other.try_acquire()
        other.release()
    finally:
        child.communicate()


def test_two_objects_of_one_process_exclude_each_other(path: Path) -> None:
    with FileLock(path):
        assert not FileLock(path).try_acquire()
    with FileLock(path) as lock:
        assert lock.is_held


def test_one_object_cannot_lock_twice(path: Path) -> None:
    with FileLock(path) as lock, pytest.raises(RuntimeError, match="locked twice"):
        lock.acquire()


def test_releasing_twice_does_nothing(path: Path) -> None:
    lock = FileLock(path)
    assert lock.try_acquire()
    lock.release()
    lock.release()
    assert not lock.is_held


def test_a_note_replaces_the_one_before(path: Path) -> None:
    with FileLock(path) as lock:
        lock.note("a long word of the first holder")
        lock.note("42")
        assert lock.read_note() == "42"
    assert FileLock(path).read_note() == "42"


def test_a_note_needs_the_lock(path: Path) -> None:
    with pytest.raises(RuntimeError, match="to be held"):
        FileLock(path).note("me")
    assert FileLock(path).read_note() == ""


def test_only_its_owner_can_read_it(path: Path) -> None:
    with FileLock(path):
        assert path.stat().st_mode & 0o077 == 0


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "gone" / "some.lock").try_acquire()
