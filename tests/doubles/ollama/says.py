"""The statuses and texts of Ollama's errors, as the reference has them."""

import json
from typing import Any

BUSY = "server busy, please try again.  maximum pending requests exceeded"
CANCELED = "request canceled"
DIED = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or an "
    "internal error, check ollama server logs for details"
)
TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; shorten the "
    "prompt, adjust the context length in settings, or use a model with a longer context length"
)
TOO_LONG_FOR_OWN = "the input length exceeds the context length"
#: When it is killed in the middle of an answer, seen on 0.17.7 and 0.20.2.
CRASHED = "an error was encountered while running the model: unexpected EOF"
CLOUD_DISABLED = "ollama cloud is disabled: remote model is unavailable"
DETAILS_DISABLED = "ollama cloud is disabled: remote model details are unavailable"
CANNOT_RUN_REMOTE = "this server cannot run this remote model"
SIGN_IN = {"error": "unauthorized", "signin_url": "https://ollama.com/connect?name=here&key=k"}
UPSTREAM_LOST = (
    'Post "https://ollama.com:443/api/chat?ts=1": dial tcp: lookup ollama.com: no such host'
)
REPEATED = "prediction aborted, token repeat limit reached"
NO_MEMORY = "model requires more system memory (40.1 GiB) than is available (11.9 GiB)"


class OllamaError(Exception):
    """What ends a request: its status and its JSON body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def error(status: int, text: str) -> OllamaError:
    """What ends the request with an error text."""
    return OllamaError(status, {"error": text})


def not_found(name: str, *, embed: bool = False) -> OllamaError:
    """No such model; embed says it in other words."""
    if embed:
        return error(404, f'model "{name}" not found, try pulling it first')
    return error(404, f"model '{name}' not found")


def too_long(engine: str, tokens: int, num_ctx: int) -> OllamaError:
    """Each engine has its own way of saying that a prompt does not fit."""
    match engine:
        case "llama-server":
            inner = {
                "code": 400,
                "message": f"request ({tokens} tokens) exceeds the available context size "
                f"({num_ctx} tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": tokens,
                "n_ctx": num_ctx,
            }
            return error(400, json.dumps({"error": inner}))
        case "mlx":
            return error(
                400,
                f"input length ({tokens} tokens) exceeds the model's maximum context length "
                f"({num_ctx} tokens)",
            )
        case _:
            # Its own engine, as seen on 0.17.7 and 0.20.2.
            return error(400, TOO_LONG_FOR_OWN)


def no_grammar(engine: str) -> OllamaError:
    """A schema that cannot be made a grammar; llama-server as seen on 0.32.0."""
    if engine != "llama-server":
        return error(500, "invalid JSON schema in format")
    inner = {
        "code": 400,
        "message": "Field 'json_schema': \"json_schema\": JSON schema conversion failed:\n"
        'Unrecognized schema: {"type":"nonsense"}',
        "type": "invalid_request_error",
    }
    return error(400, json.dumps({"error": inner}))


def no_vectors(engine: str) -> OllamaError:
    """A model that makes none; llama-server as seen on 0.32.0."""
    if engine != "llama-server":
        return error(501, "this model does not support embeddings")
    return error(501, "This server does not support embeddings. Start it with `--embeddings`")


def upstream(status: int, phrase: str, text: str) -> OllamaError:
    """What the cloud answered, handed on whole for a model that is a stub of it."""
    return OllamaError(
        status, {"StatusCode": status, "Status": f"{status} {phrase}", "error": text}
    )
