"""Handing a batch to a process of its own, which goes on when the terminal is closed."""

import os
import select
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from jobs.settings import Settings
from nightmill.cli.outlook import unserved
from nightmill.cli.output import print_json, say, tell
from nightmill.cli.terminal import open_private
from nightmill.embedded.child import python, rotate
from nightmill.embedded.datadir import DataDir
from nightmill.status import Status

LOOK_EVERY_S = 0.1
#: How a process that a signal killed is reported: stopped early, and resumable.
KILLED = 3
MOST_WORDS = 2_000


@dataclass(frozen=True, kw_only=True)
class Background:
    """A process that runs a batch to its end."""

    pid: int
    log: Path


def detach(
    settings: Settings,
    status: Status,
    *,
    config: Path | None,
    has_output: bool,
    json: bool,
    check: Callable[[], None],
) -> None:
    """Let a process of its own run the batch; print the id and say what can be done now.

    Of a batch that is over it delivers what was not delivered.
    `check` is called while the process starts, and what it raises ends that.
    """
    options = [] if config is None else ["--config", str(config.absolute())]
    options += ["--allow-sleep"] if settings.worker.allow_sleep else []
    log = DataDir(settings.data_dir).log_of_run(status.id)
    found = start_in_background(status.id, options, log, check)
    warnings = unserved(status, settings, is_run_here=True)
    tell_background(status.id, found, warnings, has_output=has_output, json=json)


def start_in_background(
    batch_id: str, options: Sequence[str], log: Path, check: Callable[[], None]
) -> Background:
    """Start a process that runs the batch and wait until the batch is really being served.

    `options` are those of `nightmill wait`. `check` is called several times a second; what it
    raises ends the process too. What the process says until then is said here. Exits as the
    process did if it ends before.
    """
    rotate(log)
    ready_fd, its_fd = os.pipe()
    log_fd = open_private(log)
    begin = os.fstat(log_fd).st_size
    process = subprocess.Popen(
        python("nightmill", "wait", batch_id, *options, "--ready-fd", str(its_fd)),
        stdin=subprocess.DEVNULL,
        stdout=log_fd,
        stderr=log_fd,
        pass_fds=(its_fd,),
        # Neither Ctrl-C nor the end of this terminal reaches it.
        start_new_session=True,
    )
    os.close(its_fd)
    os.close(log_fd)
    try:
        is_ready = _says_ready(ready_fd, check)
    except BaseException:
        process.terminate()
        raise
    finally:
        os.close(ready_fd)
    if not is_ready:
        process.wait()
    say(*_words(log, begin))
    if not is_ready:
        raise typer.Exit(process.returncode if process.returncode > 0 else KILLED)
    return Background(pid=process.pid, log=log)


def tell_background(
    batch_id: str, found: Background, warnings: Sequence[str], *, has_output: bool, json: bool
) -> None:
    """Print the batch's id and say what can be done with what runs now."""
    if json:
        print_json(id=batch_id, pid=found.pid, log=str(found.log), warnings=warnings)
        return
    say(
        *warnings,
        f"It runs in the background as process {found.pid} and writes how it goes to {found.log}.",
        f"  how far it is:    nightmill status {batch_id}",
        f"  wait for its end: nightmill wait {batch_id}",
        f"  end it:           nightmill cancel {batch_id}",
    )
    if not has_output:
        say(f"  what there is:    nightmill results {batch_id}")
    tell(batch_id)


def ready_teller(fd: int | None) -> Callable[[], None]:
    """The other side: what tells whoever waits, if anybody does, that the batch is served."""
    if fd is None:
        return lambda: None
    # Nothing that this process starts may keep it open.
    os.set_inheritable(fd, False)

    def say_ready() -> None:
        # Whoever waited may have been ended.
        with suppress(BrokenPipeError):
            os.write(fd, b"1")
        os.close(fd)

    return say_ready


def _says_ready(fd: int, check: Callable[[], None]) -> bool:
    """Wait for the word; False when the process has ended without it."""
    while not select.select([fd], [], [], LOOK_EVERY_S)[0]:
        check()
    return bool(os.read(fd, 1))


def _words(log: Path, begin: int) -> list[str]:
    """What the process has said so far."""
    with log.open("rb") as file:
        file.seek(begin)
        return file.read(MOST_WORDS).decode(errors="replace").splitlines()
