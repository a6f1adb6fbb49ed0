"""A tunnel that is kept up, through a real sshd and a network that fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from jobs.endpoints import Endpoint
from jobs.settings_tunnel import TunnelSettings
from jobs.tunnels import Cause, ForwardState, TunnelState
from tests.tunnel.keeping import Kept, keeping
from tests.tunnel.services import (
    is_sent_away,
    port,
    redis,
    say,
    serving,
    swallowing,
    until,
)
from tests.tunnel.sshd import Sshd
from tests.tunnel.wire import Weather, Wire
from tunnel.forward import forwards_of

PROBING = TunnelState.PROBING
QUICK = {"probe_every_s": 0.5, "probe_s": 0.5}


class Scene(NamedTuple):
    kept: Kept
    wire: Wire
    settings: TunnelSettings
    service: Endpoint
    #: Here, and on the server.
    local: Endpoint
    remote: Endpoint

    @classmethod
    @asynccontextmanager
    async def of(cls, sshd: Sshd, folder: Path, **more: Any) -> AsyncIterator["Scene"]:
        """A tunnel with a forward each way to one service, over a network that may fail."""
        local, remote = port(), port()
        async with serving(redis) as service, Wire(sshd.port) as wire:
            sshd.know(wire.port)
            settings = sshd.settings(
                **{
                    "servers": [f"127.0.0.1:{wire.port}"],
                    "local": [leading(local, service)],
                    "remote": [leading(remote, service)],
                    **QUICK,
                    **more,
                }
            )
            async with keeping(settings, folder) as kept:
                await kept.until_state(TunnelState.UP)
                yield cls(kept, wire, settings, service, local, remote)

    async def is_up_again(self, connects: int) -> None:
        """Wait until it is up with so many connections made, and both ways work."""
        await self.kept.until(
            lambda now: (now.state, now.connects) == (TunnelState.UP, connects), "it to be up again"
        )
        for listen in (self.local, self.remote):
            assert await say(listen, b"PING\r\n") == b"+PONG\r\n"


def leading(listen: Endpoint, to: Endpoint) -> dict[str, str]:
    return {"listen": str(listen), "to": str(to), "probe": "redis"}


def test_it_comes_up_step_by_step(sshd: Sshd, tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scene.of(sshd, tmp_path) as at:
            assert at.kept.states == [
                TunnelState.RESOLVING,
                TunnelState.CONNECTING,
                TunnelState.AUTHENTICATING,
                TunnelState.FORWARDING,
                TunnelState.PROBING,
                TunnelState.UP,
            ]
            report = at.kept.last
            assert (report.connects, report.failures, report.reason) == (1, {}, "")
            assert report.server == f"127.0.0.1:{at.wire.port}"
            await at.is_up_again(connects=1)
        assert at.kept.last.state is TunnelState.IDLE
        assert not sshd.sessions()

    asyncio.run(scene())


def test_a_dead_service_is_told_by_name_and_does_not_end_the_connection(
    sshd: Sshd, tmp_path: Path
) -> None:
    async def scene() -> None:
        service, listen = port(), port()
        settings = sshd.settings(local=[leading(listen, service)], **QUICK)
        async with keeping(settings, tmp_path) as kept:
            report = await kept.until_state(TunnelState.DEGRADED)
            assert f"Nothing answers at {service} on the server" in report.reason
            async with serving(redis, service):
                report = await kept.until_state(TunnelState.UP)
                assert (report.reason, report.connects) == ("", 1)

    asyncio.run(scene())


def test_a_server_is_heard_also_where_nothing_answers_through_it(
    sshd: Sshd, tmp_path: Path
) -> None:
    async def scene() -> None:
        with swallowing() as to:
            settings = sshd.settings(local=[leading(port(), to)], **QUICK)
            async with keeping(settings, tmp_path) as kept:
                await kept.until(
                    lambda now: (
                        now.state is TunnelState.DEGRADED
                        and now.heard_s is not None
                        and now.heard_s < now.state_s - 1
                    ),
                    "it to be heard again",
                )

    asyncio.run(scene())


def test_a_connection_that_falls_silent_is_given_up_and_made_again(
    sshd: Sshd, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with Scene.of(sshd, tmp_path) as at:
            await at.wire.turn(Weather.SILENT)
            report = await at.kept.until(lambda now: not now.state.is_connected, "it to notice")
            assert report.failures == {"silent": 1}
            assert all(each.state is ForwardState.CLOSED for each in report.forwards)
            assert await is_sent_away(at.local)
            await at.wire.turn(Weather.FAIR)
            # The server still takes the first connection for alive, with the port that it has.
            await at.is_up_again(connects=2)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("weather", "cause"), [(Weather.CUT, Cause.LOST), (Weather.REFUSED, Cause.UNREACHABLE)]
)
def test_a_network_that_breaks_is_waited_for(
    sshd: Sshd, tmp_path: Path, weather: Weather, cause: Cause
) -> None:
    async def scene() -> None:
        async with Scene.of(sshd, tmp_path) as at:
            await at.wire.turn(weather)
            await at.kept.until(
                lambda now: now.failures.get(cause, 0) > 1 and now.state is TunnelState.BACKOFF,
                "a try in vain",
            )
            report = at.kept.last
            assert report.next_try_s is not None
            assert str(at.wire.port) in report.reason
            await at.wire.turn(Weather.FAIR)
            await at.is_up_again(connects=2)

    asyncio.run(scene())


def test_a_server_that_was_restarted_is_found_again(sshd: Sshd, tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scene.of(sshd, tmp_path) as at:
            await asyncio.to_thread(sshd.stop)
            await at.kept.until(lambda now: not now.state.is_connected, "it to notice")
            await asyncio.to_thread(sshd.start)
            await at.is_up_again(connects=2)

    asyncio.run(scene())


def test_after_sleep_a_connection_that_still_works_is_kept(sshd: Sshd, tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scene.of(sshd, tmp_path, probe_every_s=600) as at:
            answered = at.kept.supervisor.report().forwards[0].answered_s
            at.kept.ahead_s += 100
            await at.kept.until(
                lambda now: (now.forwards[0].answered_s or 100) < 100, "it to be asked"
            )
            assert answered is not None
            await at.is_up_again(connects=1)

    asyncio.run(scene())


def test_after_sleep_a_silent_connection_is_made_again(sshd: Sshd, tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scene.of(sshd, tmp_path, probe_every_s=600) as at:
            await at.wire.turn(Weather.SILENT)
            at.kept.ahead_s += 100
            await at.kept.until(lambda now: now.failures == {"slept": 1}, "it to notice")
            await at.wire.turn(Weather.FAIR)
            await at.is_up_again(connects=2)

    asyncio.run(scene())


def test_other_forwards_are_had_without_another_connection(sshd: Sshd, tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scene.of(sshd, tmp_path, probe_every_s=600) as at:
            another = port()
            more = at.settings.model_dump() | {
                "local": [leading(at.local, at.service), leading(another, at.service)]
            }
            changed = TunnelSettings.model_validate(more)
            at.kept.supervisor.reload(changed)
            await at.kept.until(
                lambda now: (
                    len(now.forwards) == len(forwards_of(changed))
                    and all(each.state is ForwardState.UP for each in now.forwards)
                ),
                "all forwards to be up",
            )
            assert await say(another, b"PING\r\n") == b"+PONG\r\n"
            await at.is_up_again(connects=1)

    asyncio.run(scene())


def test_other_forwards_that_are_wanted_while_it_connects_are_had(
    sshd: Sshd, tmp_path: Path
) -> None:
    async def scene() -> None:
        first, second = port(), port()
        async with serving(redis) as service, Wire(sshd.port) as wire:
            sshd.know(wire.port)
            await wire.turn(Weather.SILENT)
            settings = sshd.settings(
                servers=[f"127.0.0.1:{wire.port}"], local=[leading(first, service)], **QUICK
            )
            async with keeping(settings, tmp_path) as kept:
                await kept.until_state(TunnelState.AUTHENTICATING)
                both = settings.model_dump() | {
                    "local": [leading(first, service), leading(second, service)]
                }
                kept.supervisor.reload(TunnelSettings.model_validate(both))
                await wire.turn(Weather.FAIR)
                report = await kept.until_state(TunnelState.UP)
                assert [each.listen for each in report.forwards] == [str(first), str(second)]

    asyncio.run(scene())


def test_another_server_is_another_connection(sshd: Sshd, tmp_path: Path) -> None:
    async def scene() -> None:
        async with Scene.of(sshd, tmp_path, probe_every_s=600) as at:
            changed = at.settings.model_copy(update={"servers": (f"127.0.0.1:{sshd.port}",)})
            at.kept.supervisor.reload(changed)
            await at.is_up_again(connects=2)
            assert at.kept.last.failures == {"asked": 1}
            assert at.kept.last.server == f"127.0.0.1:{sshd.port}"

    asyncio.run(scene())


def test_a_port_of_the_server_that_somebody_has_is_asked_for_until_patience_ends(
    sshd: Sshd, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with serving(redis) as service, serving(redis) as taken:
            settings = sshd.settings(remote=[leading(taken, service)], **QUICK, port_held_s=1)
            async with keeping(settings, tmp_path) as kept:
                report = await kept.until_state(TunnelState.DEGRADED)
                assert TunnelState.FORWARDING in kept.states[kept.states.index(PROBING) :]
                assert report.failures == {"port held": 1}
                assert "ClientAliveInterval 15" in report.reason

    asyncio.run(scene())


@asynccontextmanager
async def forbidden(sshd: Sshd, folder: Path, way: str) -> AsyncIterator[Kept]:
    """A tunnel with a forward that the server does not permit."""
    sshd.permit('permitopen="127.0.0.1:1",permitlisten="127.0.0.1:1"')
    async with serving(redis) as service:
        settings = sshd.settings(**{way: [leading(port(), service)]}, **QUICK, port_held_s=0)
        async with keeping(settings, folder) as kept:
            report = await kept.until_state(TunnelState.DEGRADED)
            assert "They count for new connections" in report.reason
            yield kept


@pytest.mark.parametrize("way", ["local", "remote"])
def test_what_the_server_permits_later_is_had_by_a_new_connection(
    sshd: Sshd, tmp_path: Path, way: str
) -> None:
    async def scene() -> None:
        async with forbidden(sshd, tmp_path, way) as kept:
            sshd.permit("")
            kept.ahead_s += 61
            report = await kept.until_state(TunnelState.UP)
            assert (report.connects, report.failures.get("asked")) == (2, 1)

    asyncio.run(scene())


def test_a_look_for_what_stays_forbidden_does_not_break_the_connection(
    sshd: Sshd, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with forbidden(sshd, tmp_path, "local") as kept:
            used = sshd.sessions()

            def has_looked(times: int) -> bool:
                return accepted(sshd) == 1 + times and sshd.sessions() == used

            for times, ahead_s in ((1, 61), (2, 121)):
                kept.ahead_s += ahead_s
                await until(partial(has_looked, times), "the look")
            assert (kept.last.state, kept.last.connects) == (TunnelState.DEGRADED, 1)

    asyncio.run(scene())


def test_whoever_has_it_reload_need_not_wait_for_what_is_permitted_now(
    sshd: Sshd, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with forbidden(sshd, tmp_path, "local") as kept:
            sshd.permit("")
            kept.supervisor.reload(kept.settings)
            assert (await kept.until_state(TunnelState.UP)).connects == 2

    asyncio.run(scene())


def accepted(sshd: Sshd) -> int:
    """How many logins it has noted."""
    return sshd.log.read_text().count("Accepted publickey")
