"""Which models an Ollama has, and proof that it runs them itself; looked up again and again."""

import asyncio
import logging
from typing import Any, TypeVar

import msgspec

from backends.base import ModelInfo
from backends.errors import BackendError, ParkBackendError, RefusedError, RetryNowError
from backends.http import ModelServer, StatusError
from backends.ollama import assurance
from backends.ollama.assurance import Assurance
from backends.ollama.decisions import PARK_S
from backends.ollama.failure import Failure
from backends.ollama.failures import decide
from backends.ollama.names import full_name, is_cloud_name, is_local_name, local_name
from backends.ollama.privacy import refused_as_remote, require_local_name, shown
from backends.ollama.shown import Known, known_of
from backends.ollama.wire import Loaded, Ps, Shown, Status, Tag, Tags, Version
from jobs.codes import ErrorCode

_log = logging.getLogger(__name__)

_Value = TypeVar("_Value")
_NOT_FOUND = 404
#: What `show` says of a stub: gone, or not to be had while the cloud is off.
_NO_MODEL = frozenset({400, 403, _NOT_FOUND})

#: A name may come to stand for something else while a batch runs.
RECHECK_S = 10.0


class Catalogue:
    """The models that an Ollama runs itself, never older than `recheck_s` seconds.

    Of an Ollama that does not answer to names that are only good on its own machine, they are
    looked up before every prompt.
    """

    def __init__(self, server: ModelServer, recheck_s: float = RECHECK_S) -> None:
        self._server = server
        self._recheck_s = recheck_s
        self._looked_at: float | None = None
        self._looking = asyncio.Lock()
        self._failed: tuple[float, ParkBackendError] | None = None
        self._version = ""
        self._assurance: Assurance | None = None
        self._known: dict[str, Known] = {}
        #: Names of models that other machines run.
        self.remote: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """What can be asked of this Ollama, by the last look."""
        return tuple(known.info for known in self._known.values())

    async def look(self) -> None:
        """Look up everything; raises `ParkBackendError` where it cannot be used."""
        async with self._looking:
            await self._look(_now())

    async def find(self, name: str) -> Known:
        """The model of this name, which this Ollama runs itself.

        Nothing of a prompt is sent. Raises `RefusedError` for a model that is not there or that
        another machine would run.
        """
        require_local_name(name)
        full, asked_at = full_name(name), _now()
        async with self._looking:
            if self._is_old or full not in self._known:
                await self._look(asked_at)
        if full in self.remote:
            raise refused_as_remote(full)
        if full not in self._known:
            raise RefusedError(
                f"Ollama at {self._server.url} has no model {shown(name)}. Pull it, or choose "
                "one of `nightmill models`.",
                ErrorCode.UNKNOWN_MODEL,
            )
        return self._known[full]

    def name_for_request(self, known: Known) -> str:
        """What to call a model in a request, so that only this machine answers to it."""
        return local_name(known.name) if self._assurance == "named" else known.name

    def forget(self) -> None:
        """Look again before the next prompt: something is not as it was."""
        self._looked_at = None

    async def loaded(self) -> dict[str, Loaded]:
        """What is in memory now, by name."""
        answer = await self._get("/api/ps", Ps)
        return {full_name(model.name): model for model in answer.models or []}

    @property
    def _is_old(self) -> bool:
        # Only names that are refused elsewhere make up for what happens between two looks.
        if self._assurance != "named":
            return True
        return self._looked_at is None or _now() - self._looked_at >= self._recheck_s

    async def _look(self, asked_at: float) -> None:
        """Look, unless somebody looked in vain since `asked_at`: one failure counts once."""
        if self._failed is not None and self._failed[0] >= asked_at:
            raise ParkBackendError(str(self._failed[1]), self._failed[1].for_s)
        try:
            await self._look_up()
        except ParkBackendError as error:
            self._failed = (_now(), error)
            raise

    async def _look_up(self) -> None:
        looked_at = _now()
        await self._require_assurance()
        tags = (await self._get("/api/tags", Tags)).models or []
        if self._assurance == "named":
            tags = [tag for tag in tags if not is_local_name(tag.name)]
        local = [tag for tag in tags if not _is_remote(tag)]
        known = [await self._know(tag) for tag in local]
        self._known = {full_name(one.name): one for one in known if one is not None}
        self.remote = tuple(sorted({full_name(tag.name) for tag in tags} - self._known.keys()))
        self._looked_at = looked_at

    async def _require_assurance(self) -> None:
        version = (await self._get("/api/version", Version)).version
        if assurance.is_too_old(version):
            raise ParkBackendError(assurance.too_old(version, self._server.url), PARK_S)
        self._assurance = assurance.assurance_of(version, is_cloud_off=await self._is_cloud_off())
        if version != self._version:
            # Another one may make something else of the same models.
            self._version, self._known = version, {}
        if self._assurance is None:
            raise ParkBackendError(assurance.missing_assurance(version, self._server.url), PARK_S)

    async def _is_cloud_off(self) -> bool:
        try:
            return _read(await self._server.get_json("/api/status"), Status).cloud.disabled
        except (StatusError, msgspec.ValidationError, RetryNowError):
            return False

    async def _know(self, tag: Tag) -> Known | None:
        """What is known of a model; None where it turns out to be no model of this machine."""
        before = self._known.get(full_name(tag.name))
        if before is not None and tag.digest and before.digest == tag.digest:
            return before
        try:
            shown_model = await self._ask("/api/show", {"model": tag.name}, Shown)
        except StatusError as error:
            if error.status in _NO_MODEL:
                return None
            raise _decided(error, tag.name) from error
        if shown_model.is_remote:
            return None
        return known_of(tag, shown_model, self._version)

    async def _get(self, path: str, kind: type[_Value]) -> _Value:
        try:
            return _read(await self._server.get_json(path), kind)
        except StatusError as error:
            raise _decided(error, "") from error
        except (msgspec.ValidationError, RetryNowError) as error:
            raise self._no_ollama() from error

    async def _ask(self, path: str, body: Any, kind: type[_Value]) -> _Value:
        try:
            return _read(await self._server.ask_json(path, body), kind)
        except (msgspec.ValidationError, RetryNowError) as error:
            raise self._no_ollama() from error

    def _no_ollama(self) -> ParkBackendError:
        return ParkBackendError(
            f"What answers at {self._server.url} is no Ollama. Correct the pool's `url`.", PARK_S
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _is_remote(tag: Tag) -> bool:
    return tag.is_remote or is_cloud_name(tag.name)


def _read(value: Any, kind: type[_Value]) -> _Value:
    return msgspec.convert(value, kind)


def _decided(error: StatusError, model: str) -> BackendError:
    """The decision on an error that no prompt was part of: at worst, this Ollama is of no use."""
    decided = decide(Failure(status=error.status, body=error.body, model=model, alone=True))
    if isinstance(decided, ParkBackendError):
        return decided
    return ParkBackendError(
        f"Ollama does not say what models it has (status {error.status}).", PARK_S
    )
