"""The client of model servers, apart from any protocol."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import h11
import httpcore2
import httpx2
import pytest

from backends.errors import (
    BackendError,
    CrashedError,
    ParkBackendError,
    RefusedError,
    RetryNowError,
)
from backends.http import LostError, ModelServer, StatusError
from backends.http.client import Client
from backends.retry_after import retry_after_s
from backends.standing import Standing
from backends.streams import MAX_LINE, Event, events_of, lines_of
from backends.watch import LateError, Timeouts, Watch
from jobs.codes import ErrorCode
from tests.backends.asking import until
from tests.backends.conftest import Run
from tests.doubles.openai_server import OpenAiDouble, hang, status

#: What only comes to those who misuse an iterator or a task group.
NOT_OURS = (GeneratorExit, asyncio.CancelledError, Warning)


def exceptions_of(*modules: object) -> list[type[Exception]]:
    found = {
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Exception) and not issubclass(each, NOT_OURS)
    }
    return sorted(found, key=lambda each: f"{each.__module__}.{each.__name__}")


async def translated(error: Exception) -> Exception | None:
    url = "http://127.0.0.1:1"
    client = Client(url, key=None, standing=Standing(url), on_token=lambda: None)
    return client.translated(error, has_begun=False)


def made(kind: type[Exception]) -> Exception:
    """One without its arguments, which do not matter here."""
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", exceptions_of(httpx2, httpcore2, anyio, h11, ssl))
def test_no_exception_of_the_libraries_is_unmapped(run: Run, kind: type[Exception]) -> None:
    assert isinstance(run(translated(made(kind))), (BackendError, LostError, LateError))


@pytest.mark.parametrize("error", [ValueError(), KeyError(), RetryNowError("x"), LateError("x")])
def test_what_is_not_the_libraries_stays_as_it_is(run: Run, error: Exception) -> None:
    assert run(translated(error)) is None


def test_a_server_may_be_behind_a_socket(run: Run, tmp_path: Path) -> None:
    async def ask() -> object:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"a":1}')
            writer.close()

        path = tmp_path / "socket"
        listening = await asyncio.start_unix_server(serve, path)
        server = ModelServer(f"http+socket://{path}", slots=1, ping="/", timeouts=Timeouts())
        await server.open()
        try:
            return await server.get_json("/x")
        finally:
            await server.close()
            listening.close()

    assert run(ask()) == {"a": 1}


def test_a_certificate_that_is_not_trusted_is_named_as_the_reason(run: Run) -> None:
    cause = ssl.SSLCertVerificationError("x")
    cause.verify_message = "self-signed certificate"
    error = httpx2.ConnectError("x")
    error.__cause__ = cause
    said = str(run(translated(error)))
    assert "its certificate is not trusted: self-signed certificate" in said


def test_half_of_a_surrogate_pair_is_refused_before_anything_is_sent(run: Run) -> None:
    async def ask() -> None:
        with OpenAiDouble() as double:
            server = ModelServer(double.url, slots=1, ping="/v1/models", timeouts=Timeouts())
            await server.open()
            with pytest.raises(RefusedError) as caught:
                await server.post_json("/x", {"input": "\ud800"})
            assert caught.value.code == ErrorCode.UNSTORABLE_TEXT
            assert double.seen == []
            await server.close()

    run(ask())


def test_an_error_is_read_to_a_limit_and_kept_out_of_messages(run: Run) -> None:
    async def ask() -> StatusError:
        with OpenAiDouble() as double:
            double.paths["/x"] = status(418, b"secret " * 100_000, retry_after="7")
            server = ModelServer(double.url, slots=1, ping="/v1/models", timeouts=Timeouts())
            await server.open()
            try:
                with pytest.raises(StatusError) as caught:
                    await server.get_json("/x")
                return caught.value
            finally:
                await server.close()

    error = run(ask())
    assert (error.status, error.retry_after, len(error.body)) == (418, "7", 64_000)
    assert "secret" not in str(error) + repr(error)


def test_a_question_that_is_not_answered_in_time_finds_the_server_away(run: Run) -> None:
    async def ask() -> None:
        with OpenAiDouble() as double:
            double.paths["/x"] = hang
            server = ModelServer(double.url, slots=1, ping="/v1/models", timeouts=Timeouts())
            await server.open()
            with pytest.raises(ParkBackendError, match=r"no answer within 0\.2 s"):
                await server.get_json("/x", 0.2)
            await server.close()

    run(ask())


def test_what_is_closed_cannot_be_asked(run: Run) -> None:
    async def ask() -> None:
        server = ModelServer("http://127.0.0.1:1", slots=1, ping="/", timeouts=Timeouts())
        await server.close()
        with pytest.raises(ParkBackendError, match="closed"):
            await server.get_json("/x")

    run(ask())


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_lines_come_whole_however_they_are_cut(run: Run) -> None:
    async def read(*parts: bytes) -> list[bytes]:
        return [line async for line in lines_of(chunks(*parts))]

    assert run(read(b"a\nb", b"c\r\n\n", b"d")) == [b"a", b"bc", b"", b"d"]
    assert run(read()) == []


def test_a_line_without_an_end_is_a_failure(run: Run) -> None:
    async def read() -> None:
        async for _ in lines_of(chunks(*[b"x" * 1_000_000] * (MAX_LINE // 1_000_000 + 1))):
            pass

    with pytest.raises(RetryNowError, match="line"):
        run(read())


def test_events_are_what_has_data(run: Run) -> None:
    async def read(text: bytes) -> list[Event]:
        return [event async for event in events_of(chunks(text))]

    assert run(read(b": hello\n\ndata: 1\n\nevent: ping\n\ndata:2\ndata: 3\n\n")) == [
        Event("message", b"1"),
        Event("message", b"2\n3"),
    ]
    assert run(read(b"error: {}\n\nevent: error\ndata: x")) == [
        Event("error", b"{}"),
        Event("error", b"x"),
    ]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-4", 0.0),
        ("inf", 3600.0),
        ("nan", 9.0),
        ("", 9.0),
        ("soon", 9.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("Thu, 01 Jan 99999 00:00:10 GMT", 9.0),
    ],
)
def test_a_server_says_how_long_to_leave_it_alone(header: str, seconds: float) -> None:
    assert retry_after_s(header, now=100.0, default=9.0) == seconds


def test_who_is_lost_alone_with_a_server_that_died_is_to_blame() -> None:
    standing = Standing("http://127.0.0.1:1")
    standing.answered(standing.sent())
    standing.lost()
    assert is_blamed(standing)
    standing.lost()
    assert not is_blamed(standing)
    assert not is_blamed(standing, losses_before=1, others=1)


def test_what_was_broken_off_is_company_until_the_server_has_answered_somebody_later() -> None:
    standing = Standing("http://127.0.0.1:1")
    standing.answered(standing.sent())
    _broken, beside = standing.sent(), standing.sent()
    standing.broke_off()
    standing.answered(beside)
    assert not standing.has_let_go

    standing.answered(standing.sent())

    assert standing.has_let_go


def test_what_was_broken_off_is_company_until_the_server_has_died() -> None:
    standing = Standing("http://127.0.0.1:1")
    standing.sent()
    standing.broke_off()
    standing.lost()
    assert not is_blamed(standing)

    standing.lost()

    assert is_blamed(standing, losses_before=1)


def test_nobody_knows_what_a_server_holds_before_it_has_answered() -> None:
    standing = Standing("http://127.0.0.1:1")
    standing.sent()
    standing.lost()

    assert not is_blamed(standing)


def is_blamed(standing: Standing, *, losses_before: int = 0, others: int = 0) -> bool:
    """Whether a prompt that was lost with a server counts as alone with it."""
    verdict = standing.verdict(
        losses_before=losses_before, others=others, is_alive=False, has_begun=True
    )
    assert isinstance(verdict, CrashedError)
    return verdict.alone


def test_closing_does_not_wait_for_a_server_that_hangs(run: Run) -> None:
    async def close() -> object:
        with OpenAiDouble() as double:
            double.faults["x"] = [hang]
            server = ModelServer(double.url, slots=1, ping="/v1/models", timeouts=Timeouts())
            await server.open()
            task = asyncio.create_task(server.post_json("/x", {"input": "x"}))
            await until(lambda: double.in_flight)
            assert server.in_flight == 1
            assert (server.silent_s or 0) >= 0
            await server.close()
            with contextlib.suppress(ParkBackendError):
                await task
            return server.silent_s

    assert run(close()) is None


def test_what_ended_by_itself_meanwhile_need_not_be_broken_off(run: Run) -> None:
    async def end_and_break_off() -> None:
        async with Watch(Timeouts()) as watch:
            pass
        await watch.break_off()

    run(end_and_break_off())
