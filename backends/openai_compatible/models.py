"""The models of a server, with what little some servers tell of them."""

import re
from typing import Any

import msgspec

from backends.base import ModelInfo
from backends.errors import BackendError, ParkBackendError, RetryNowError
from backends.http import ModelServer, StatusError
from backends.openai_compatible.refusals import KEY_PARK_S
from backends.openai_compatible.wire import LM_STUDIO_MODELS, MODELS
from jobs.model import Endpoint

#: Families of models that make vectors and cannot chat.
_EMBEDS = re.compile(r"embed|(^|[/_-])(bge|e5|gte|minilm|sbert)([_-]|$)")


class _Meta(msgspec.Struct, frozen=True):
    """What llama-server tells."""

    n_ctx_train: int = 0
    size: int = 0


class _Listed(msgspec.Struct, frozen=True):
    """A model of `/v1/models`, or of LM Studio's own list."""

    id: str
    meta: _Meta | None = None
    #: What vLLM tells.
    max_model_len: int | None = None
    # What LM Studio tells.
    type: str = ""
    max_context_length: int = 0
    quantization: str = ""


class _List(msgspec.Struct, frozen=True):
    data: tuple[_Listed, ...]


async def list_models(server: ModelServer) -> tuple[ModelInfo, ...]:
    """What the server has; raises `ParkBackendError` where it does not say."""
    try:
        listed = parsed(await server.get_json(MODELS))
    except StatusError as error:
        raise _unlisted(server, error) from error
    except RetryNowError as error:
        raise ParkBackendError(str(error)) from error
    more = {one.id: one for one in await _lm_studio_list(server)}
    return tuple(_info(one, more.get(one.id, one)) for one in listed)


def parsed(body: Any) -> tuple[_Listed, ...]:
    """The models in an answer; raises `ParkBackendError` where it is no list of models."""
    try:
        return msgspec.convert(body, _List).data
    except msgspec.ValidationError as error:
        text = "The server answered something that is not a list of models"
        raise ParkBackendError(f"{text}: is it one with OpenAI's `/v1`?") from error


async def _lm_studio_list(server: ModelServer) -> tuple[_Listed, ...]:
    """LM Studio's own list; others do not have it."""
    try:
        return parsed(await server.get_json(LM_STUDIO_MODELS))
    except BackendError:
        return ()


def _unlisted(server: ModelServer, error: StatusError) -> ParkBackendError:
    if error.status in {401, 403}:
        return ParkBackendError(f"{error} Look at the pool's `key_file`.", KEY_PARK_S)
    return ParkBackendError(f"{error} Is {server.url} a server with OpenAI's `/v1`?")


def _info(listed: _Listed, more: _Listed) -> ModelInfo:
    meta = listed.meta or _Meta()
    return ModelInfo(
        name=listed.id,
        size=meta.size,
        context=meta.n_ctx_train or listed.max_model_len or more.max_context_length,
        quantization=more.quantization,
        endpoints=_endpoints(listed.id, more.type),
    )


def _endpoints(name: str, kind: str) -> tuple[Endpoint, ...]:
    is_for_vectors = kind == "embeddings" if kind else bool(_EMBEDS.search(name.casefold()))
    return ("embeddings",) if is_for_vectors else ("chat",)
