"""Holds the answers of a host to their schemas, one at a time, schema by schema in turn."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from backends.errors import RefusedError, RetryLaterError
from jobs.codes import ErrorCode
from worker.fitting.frames import Check, Checked
from worker.fitting.process import CheckingProcess, DiedError, TookTooLongError
from worker.fitting.turns import Turns

#: Seconds of a processor that one check may take.
LIMIT_S = 2.0

#: Seconds that a machine which is busy with other things gets for it.
PATIENCE_S = 60.0

#: Seconds until a job is tried again whose answer nobody could check.
_AGAIN_IN_S = 10.0

_encode = msgspec.json.Encoder().encode


class _Waiting(NamedTuple):
    check: Check
    verdict: asyncio.Future[Checked]


class Checker:
    """For one event loop. Its process is started for the first check and again when it was killed.

    `on_start` is told the id of each process.
    """

    def __init__(
        self, limit_s: float = LIMIT_S, on_start: Callable[[int], None] = lambda _pid: None
    ) -> None:
        self._limit_s = limit_s
        self._on_start = on_start
        self._turns: Turns[_Waiting] = Turns()
        self._process: CheckingProcess | None = None
        self._serving: asyncio.Task[None] | None = None
        self._is_closed = False

    async def check(self, text: str, schema: dict[str, Any]) -> Checked:
        """The verdict on an answer. Waiting for others takes nothing of its own time.

        Raises:
            RefusedError: its check took too long, or ended the process twice.
            RetryLaterError: the machine cannot start the process now, or the host ends.
        """
        if self._is_closed:
            raise RetryLaterError("The host ends.", after_s=0)
        verdict: asyncio.Future[Checked] = asyncio.get_running_loop().create_future()
        check = Check(text, _encode(schema).decode())
        self._turns.add(check.schema, _Waiting(check, verdict))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        return await verdict

    async def close(self) -> None:
        """End the process; who still waits is cancelled, and nobody served any more."""
        self._is_closed = True
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
        while self._turns:
            self._turns.take().verdict.cancel()
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    async def _serve(self) -> None:
        while self._turns:
            check, verdict = self._turns.take()
            if verdict.done():
                # Whoever asked was broken off.
                continue
            try:
                checked = await self._check(check)
            except Exception as error:  # noqa: BLE001  (it is the asker's, and the others go on)
                _settle(verdict, error)
            else:
                _settle(verdict, checked)

    async def _check(self, check: Check) -> Checked:
        try:
            try:
                return await self._check_once(check)
            except DiedError:
                # It may have been killed from outside, which is nobody's fault.
                return await self._check_once(check)
        except TookTooLongError:
            raise RefusedError(
                f"Checking the answer took more than {self._limit_s:g} s and was broken off: a"
                " pattern or the alternatives of the schema have too many ways to fit. Make them"
                " simpler.",
                ErrorCode.INVALID_SCHEMA,
            ) from None
        except DiedError:
            raise RefusedError(
                "Checking the answer ended the process that checks. Make the schema simpler.",
                ErrorCode.INVALID_SCHEMA,
            ) from None

    async def _check_once(self, check: Check) -> Checked:
        process = await self._started()
        try:
            return await process.check(check, self._limit_s + PATIENCE_S)
        except (TookTooLongError, DiedError):
            self._process = None
            raise

    async def _started(self) -> CheckingProcess:
        if self._process is None:
            try:
                self._process = await CheckingProcess.start(self._limit_s)
            except OSError as error:
                raise RetryLaterError(
                    f"What checks answers could not be started: {error.strerror}.", _AGAIN_IN_S
                ) from error
            self._on_start(self._process.pid)
        return self._process


def _settle(verdict: asyncio.Future[Checked], end: Checked | Exception) -> None:
    if verdict.done():
        return
    if isinstance(end, Exception):
        verdict.set_exception(end)
    else:
        verdict.set_result(end)
