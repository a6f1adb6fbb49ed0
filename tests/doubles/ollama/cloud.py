"""What a daemon does with a model that runs elsewhere. Here it goes nowhere: it is written down."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from tests.doubles.ollama import says
from tests.doubles.ollama.http1 import Reply, Stream, json_reply
from tests.doubles.ollama.models import Model, base_name, is_cloud_name
from tests.doubles.ollama.record import Record

CLOUD = "https://ollama.com:443"


@dataclass(frozen=True)
class Cloud:
    """How a daemon stands to the cloud."""

    disabled: bool = False
    signed_in: bool = True
    #: Hosts that prompts may be sent to.
    remotes: tuple[str, ...] = ("ollama.com",)
    upstream: Literal["well", "unreachable", "quota"] = "well"


def proxy(
    cloud: Cloud, record: Record, model: Model | None, body: dict[str, Any]
) -> Reply | Stream:
    """Answer from elsewhere: by the suffix (no model), or for a stub on the disk."""
    name = str(body["model"])
    if cloud.disabled:
        raise says.error(403, says.CLOUD_DISABLED)
    if model is not None and _host(model.remote_host) not in cloud.remotes:
        raise says.error(400, says.CANNOT_RUN_REMOTE)
    if cloud.upstream == "unreachable":
        raise says.error(502 if model is None else 500, says.UPSTREAM_LOST)
    # From here on the prompt is out, whatever the cloud makes of it.
    record.leaked += [turn["content"] for turn in body.get("messages") or []]
    record.leaked += [body["input"]] if "input" in body else []
    if not cloud.signed_in:
        raise says.OllamaError(401, dict(says.SIGN_IN))
    if cloud.upstream == "quota":
        raise says.upstream(
            429, "Too Many Requests", "you (name) have reached your weekly usage limit"
        )
    # By the suffix it is passed on as it came: nothing in the answer tells.
    told = model.remote_fields if model is not None else {}
    answered_as = name if model is not None or not is_cloud_name(name) else base_name(name)
    line = {
        "model": answered_as,
        **told,
        "message": {"role": "assistant", "content": "from the cloud"},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 3,
        "eval_count": 3,
    }
    if not body.get("stream", True):
        return json_reply(line)
    return Stream(_one(json.dumps(line).encode() + b"\n"))


async def _one(line: bytes) -> Any:
    yield line


def _host(url: str) -> str:
    return url.rpartition("//")[2].partition(":")[0].partition("/")[0]
