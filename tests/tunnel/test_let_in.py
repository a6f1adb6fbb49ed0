"""Whom the server, or we, do not let in: a tunnel that halts, and goes on by itself."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import Cause, TunnelReport, TunnelState
from tests.tunnel.keeping import Kept, keeping
from tests.tunnel.services import port, redis, serving
from tests.tunnel.sshd import Sshd
from tests.tunnel.wire import Weather, Wire
from tunnel.failures import TunnelError
from tunnel.host_keys import fingerprint, pin
from tunnel.shown_keys import fetch
from tunnel.trying import verdict

#: What may become of one server, but for those that stand for others here.
CAUSES = [
    Cause.AUTHENTICATION,
    Cause.HOST_KEY,
    Cause.CONFIGURATION,
    Cause.LOST,
    Cause.UNREACHABLE,
]


def settings_of(sshd: Sshd, **more: Any) -> TunnelSettings:
    return sshd.settings(
        local=[{"listen": str(port()), "to": str(port()), "probe": "redis"}], **more
    )


async def halted(kept: Kept, cause: Cause) -> TunnelReport:
    report = await kept.until_state(TunnelState.HALTED)
    assert report.cause is cause
    assert report.next_try_s is not None
    assert 300 < report.next_try_s <= 900
    return report


async def is_connected(kept: Kept) -> None:
    await kept.until(lambda now: now.state.is_connected, "it to be connected")


@asynccontextmanager
async def strange_server() -> AsyncIterator[int]:
    """The port of somebody else's."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    async with await asyncssh.listen("127.0.0.1", 0, server_host_keys=[key]) as server:
        yield server.get_port()


def test_a_key_that_is_not_taken_halts_after_one_try(sshd: Sshd, tmp_path: Path) -> None:
    async def scene() -> None:
        sshd.permit('from="192.0.2.1"')
        async with keeping(settings_of(sshd), tmp_path) as kept:
            report = await halted(kept, Cause.AUTHENTICATION)
            assert f"does not let {sshd.user} in" in report.reason
            assert "`nightmill tunnel doctor`" in report.reason
            assert report.failures == {"authentication": 1}
            sshd.permit("")
            kept.supervisor.retry_now()
            await is_connected(kept)

    asyncio.run(scene())


def test_an_unknown_user_is_told_like_a_key_that_is_not_taken(sshd: Sshd, tmp_path: Path) -> None:
    async def scene() -> None:
        async with keeping(settings_of(sshd, user="nobody-of-that-name"), tmp_path) as kept:
            report = await halted(kept, Cause.AUTHENTICATION)
            assert "does not let nobody-of-that-name in" in report.reason

    asyncio.run(scene())


def test_another_host_key_is_never_taken_by_itself(sshd: Sshd, tmp_path: Path) -> None:
    async def scene() -> None:
        settings = settings_of(sshd)
        _, [pinned] = await fetch(settings, lambda _: ())
        await asyncio.to_thread(sshd.stop)
        sshd.change_host_key()
        await asyncio.to_thread(sshd.start)
        _, [shown] = await fetch(settings, lambda _: ())
        async with keeping(settings, tmp_path) as kept:
            report = await halted(kept, Cause.HOST_KEY)
            assert fingerprint(pinned) in report.reason
            assert f"`nightmill tunnel trust home --fingerprint {fingerprint(shown)}`" in (
                report.reason
            )
            # Whoever has looked at it pins it, and that is noticed.
            pin(sshd.known_hosts_file, settings.addresses, shown)
            await is_connected(kept)

    asyncio.run(scene())


def test_a_server_that_has_only_another_kind_of_key_shows_that(sshd: Sshd, tmp_path: Path) -> None:
    async def scene() -> None:
        settings = settings_of(sshd)
        other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").convert_to_public()
        pin(sshd.known_hosts_file, settings.addresses, other)
        async with keeping(settings, tmp_path) as kept:
            report = await halted(kept, Cause.HOST_KEY)
            assert fingerprint(other) in report.reason
            assert "another host key than before" in report.reason

    asyncio.run(scene())


def test_the_next_server_is_tried_where_the_first_is_another_one(
    sshd: Sshd, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with strange_server() as another, serving(redis) as service:
            sshd.know(another)
            settings = sshd.settings(
                servers=[f"127.0.0.1:{another}", f"127.0.0.1:{sshd.port}"],
                local=[{"listen": str(port()), "to": str(service), "probe": "redis"}],
            )
            async with keeping(settings, tmp_path) as kept:
                report = await kept.until_state(TunnelState.UP)
                assert report.server == f"127.0.0.1:{sshd.port}"

    asyncio.run(scene())


def test_a_stranger_at_one_address_does_not_keep_it_from_trying_the_other(
    sshd: Sshd, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with strange_server() as another, Wire(sshd.port) as wire:
            sshd.know(another)
            sshd.know(wire.port)
            await wire.turn(Weather.REFUSED)
            settings = settings_of(sshd, servers=[f"127.0.0.1:{another}", f"127.0.0.1:{wire.port}"])
            async with keeping(settings, tmp_path) as kept:
                report = await kept.until_state(TunnelState.BACKOFF)
                assert report.cause is Cause.LOST
                assert "shows another host key than before" in report.reason
                assert f"Nothing listens at 127.0.0.1:{wire.port}" in report.reason
                await wire.turn(Weather.FAIR)
                await is_connected(kept)
                assert TunnelState.HALTED not in kept.states

    asyncio.run(scene())


def test_the_server_that_is_named_is_the_one_that_the_reason_is_about(
    sshd: Sshd, tmp_path: Path
) -> None:
    async def scene() -> None:
        sshd.permit('from="192.0.2.1"')
        ours, nobody = f"127.0.0.1:{sshd.port}", str(port())
        async with keeping(settings_of(sshd, servers=[nobody, ours]), tmp_path) as kept:
            report = await halted(kept, Cause.AUTHENTICATION)
            assert report.reason.startswith(ours)
            assert report.server == ours

    asyncio.run(scene())


def test_another_host_key_is_looked_at_again_in_another_network(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = {("en0", "192.0.2.7")}
    monkeypatch.setattr("tunnel.supervisor.network_now", lambda: frozenset(network))

    async def scene() -> None:
        async with strange_server() as another, Wire(another) as wire:
            sshd.know(wire.port)
            settings = settings_of(sshd, servers=[f"127.0.0.1:{wire.port}"])
            async with keeping(settings, tmp_path) as kept:
                await halted(kept, Cause.HOST_KEY)
                wire.server_port = sshd.port
                network.add(("en1", "198.51.100.7"))
                await is_connected(kept)

    asyncio.run(scene())


@pytest.mark.parametrize("causes", [*itertools.permutations(CAUSES, 2)])
def test_whom_the_server_itself_refuses_waits_whatever_the_others_say(
    causes: tuple[Cause, Cause],
) -> None:
    worst = verdict([TunnelError(cause, f"{cause}.") for cause in causes]).cause
    if Cause.AUTHENTICATION in causes:
        assert worst is Cause.AUTHENTICATION
    elif {*causes} == {Cause.HOST_KEY, Cause.CONFIGURATION}:
        assert worst is Cause.CONFIGURATION
    else:
        assert worst is Cause.LOST


@pytest.mark.parametrize("what", ["key_file", "known_hosts_file"])
def test_what_is_missing_here_halts_before_the_server_is_asked(
    sshd: Sshd, tmp_path: Path, what: str
) -> None:
    async def scene() -> None:
        lies = tmp_path / "elsewhere"
        found: bytes = getattr(sshd, what).read_bytes()
        async with keeping(settings_of(sshd, **{what: lies}), tmp_path) as kept:
            report = await halted(kept, Cause.CONFIGURATION)
            assert str(lies) in report.reason
            assert kept.states == [TunnelState.HALTED]
            lies.touch(mode=0o600)
            lies.write_bytes(found)
            await is_connected(kept)

    asyncio.run(scene())


def test_a_user_of_this_machine_without_a_name_is_told(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    async def scene() -> None:
        settings = settings_of(sshd)
        monkeypatch.setattr("getpass.getuser", nameless)
        async with keeping(settings, tmp_path) as kept:
            report = await halted(kept, Cause.CONFIGURATION)
            assert "has no name: set LOGNAME" in report.reason

    asyncio.run(scene())
