"""Installing, uninstalling and purging give the right commands, and touch nothing else."""

import plistlib
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.errors import UsageError
from jobs.locks import FileLock
from nightmill.services.installing import (
    data_dir_of,
    install,
    logs_command,
    plan,
    uninstall,
)
from nightmill.services.purging import purge, require_unused
from nightmill.services.runner import Ran
from tests.nightmill.services.machines import TUNNEL, WORKER, Recorder, linux, mac


def never(_seconds: float) -> None:
    raise AssertionError("nothing was to be waited for")


def test_on_linux_the_unit_is_written_enabled_and_started(tmp_path: Path) -> None:
    facts, runner = linux(tmp_path), Recorder()
    planned = plan(WORKER, facts)

    assert install(planned, facts, runner, never) == []
    assert (tmp_path / "nightmill-worker-mlx.service").read_text() == planned.text
    assert runner.given == [
        f"runuser -u mill -- mkdir -p -m 700 {facts.data_dir}",
        "systemctl daemon-reload",
        "systemctl enable nightmill-worker-mlx.service",
        "systemctl restart --no-block nightmill-worker-mlx.service",
    ]
    assert planned.commands == runner.given


def test_on_a_mac_sudo_puts_the_list_in_its_place(tmp_path: Path) -> None:
    facts, runner = mac(tmp_path), Recorder()
    planned = plan(TUNNEL, facts)
    install(planned, facts, runner, never)

    staged = facts.data_dir / "services" / "nightmill-tunnel-home.plist"
    assert plistlib.loads(staged.read_bytes())["Label"] == "nightmill-tunnel-home"
    assert runner.given == [
        f"sudo install -m 644 -o root -g wheel {staged} {planned.path}",
        "sudo launchctl bootout system/nightmill-tunnel-home",
        "sudo launchctl enable system/nightmill-tunnel-home",
        f"sudo launchctl bootstrap system {planned.path}",
    ]


def test_launchd_is_asked_again_until_it_has_let_go_of_the_one_before(tmp_path: Path) -> None:
    waited: list[float] = []
    runner = Recorder(bootstrap=Ran(5, "Bootstrap failed: 5: Input/output error"))

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            runner.answers.clear()

    install(plan(TUNNEL, mac(tmp_path)), mac(tmp_path), runner, wait)

    assert waited == [1.0, 1.0, 1.0]


def test_a_command_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    runner = Recorder(enable=Ran(1, "Failed to enable unit: Access denied"))

    with pytest.raises(UsageError, match=r"systemctl enable .* failed with 1: .*Access denied"):
        install(plan(WORKER, linux(tmp_path)), linux(tmp_path), runner, never)


def test_what_is_only_nice_to_have_is_told_and_passed_over(tmp_path: Path) -> None:
    facts = linux(tmp_path, is_root=False)
    runner = Recorder(linger=Ran(1, "Could not enable linger: Access denied"))

    [undone] = install(plan(WORKER, facts), facts, runner, never)

    assert undone.startswith("It ends when you log out")


def test_without_a_systemd_that_runs_nothing_is_written(tmp_path: Path) -> None:
    facts, runner = replace(linux(tmp_path), is_running=False), Recorder()

    with pytest.raises(UsageError, match="No systemd runs on this machine"):
        install(plan(WORKER, facts), facts, runner, never)
    assert runner.given == []
    assert not facts.site.path(WORKER.id).exists()


def test_uninstalling_ends_it_first_and_leaves_the_data(tmp_path: Path) -> None:
    on_linux, on_mac = Recorder(), Recorder(bootout=Ran(3, "No such process"))
    unit = linux(tmp_path).site.path(WORKER.id)
    place = mac(tmp_path).site.path(TUNNEL.id)

    uninstall(WORKER.id, linux(tmp_path).site, on_linux, never)
    uninstall(TUNNEL.id, mac(tmp_path).site, on_mac, never)

    assert on_linux.given == [
        "systemctl disable --now nightmill-worker-mlx.service",
        f"rm -f {unit}",
        "systemctl daemon-reload",
        "systemctl reset-failed nightmill-worker-mlx.service",
    ]
    assert on_mac.given == [
        "sudo launchctl bootout system/nightmill-tunnel-home",
        f"sudo rm -f {place}",
    ]


def test_a_definition_says_where_its_data_are(tmp_path: Path) -> None:
    odd = replace(linux(tmp_path), data_dir=Path(r'/d "a" \ b/100%'))
    odd.site.path(WORKER.id).write_text(plan(WORKER, odd).text)
    apple = mac(tmp_path)
    apple.site.path(WORKER.id).write_text(plan(WORKER, apple).text)

    assert data_dir_of(WORKER.id, odd.site) == odd.data_dir
    assert data_dir_of(WORKER.id, apple.site) == apple.data_dir
    assert logs_command(WORKER.id, apple.site, 7, follow=True) == (
        *("tail", "-n", "7", "-F"),
        str(apple.data_dir / "logs" / "service-worker-mlx.log"),
    )
    assert "--user-unit" in logs_command(
        WORKER.id, linux(tmp_path, is_root=False).site, 7, follow=False
    )


def test_data_that_another_service_uses_are_not_purged(tmp_path: Path) -> None:
    facts = linux(tmp_path)
    for service in (WORKER, TUNNEL):
        facts.site.path(service.id).write_text(plan(service, facts).text)

    with pytest.raises(UsageError, match="in use by nightmill-tunnel-home"):
        require_unused(facts.data_dir, facts.site, WORKER.id)
    facts.site.path(TUNNEL.id).unlink()
    require_unused(facts.data_dir, facts.site, WORKER.id)


def test_purging_removes_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    for name in ("nightmill.db", "nightmill.db-wal", "logs/a.log"):
        (data / name).touch()
    (data / "mine.txt").touch()

    purge(data)
    assert [each.name for each in data.iterdir()] == ["mine.txt"]
    (data / "mine.txt").unlink()
    purge(data)
    assert not data.exists()
    purge(data)


def test_data_with_which_something_works_are_not_purged(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    lock = FileLock(tmp_path / "locks" / "tunnel-home.lock")
    lock.acquire()

    with pytest.raises(UsageError, match=r"it holds tunnel-home\.lock"):
        purge(tmp_path)
    lock.release()
    purge(tmp_path)
