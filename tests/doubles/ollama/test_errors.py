"""The double against the reference's table of errors (2.4)."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.doubles.ollama import faults, says
from tests.doubles.ollama.cloud import Cloud
from tests.doubles.ollama.conftest import MakeDaemon
from tests.doubles.ollama.daemon import LLAMA
from tests.doubles.ollama.models import Model

Post = Callable[..., httpx2.Response]

HI = [{"role": "user", "content": "hi"}]
LONG = [{"role": "user", "content": "word " * 100}]
STUB = Model(name="private:latest", remote_model="big:120b", remote_host="https://ollama.com")
ELSEWHERE = Model(name="theirs:1b", remote_model="big", remote_host="https://models.example")
EMBEDDER = Model(name="embedder:latest", capabilities=("embedding",))

TABLE: list[tuple[str, dict[str, Any], int, str]] = [
    (
        "bad think",
        {"model": LLAMA.name, "think": "hard"},
        400,
        'invalid think value: "hard" (must be "high", "medium", "low", true, or false)',
    ),
    ("no way to think", {"model": LLAMA.name, "think": 3}, 400, "must be a boolean or string"),
    ("no such model", {"model": "nobody"}, 404, "model 'nobody' not found"),
    ("no model", {}, 400, "model is required"),
    ("no model name", {"model": "a b"}, 400, "invalid model name"),
    ("cannot chat", {"model": EMBEDDER.name}, 400, '"embedder:latest" does not support chat'),
    ("no thinker", {"model": LLAMA.name, "think": True}, 400, "does not support thinking"),
    (
        "no tools",
        {"model": LLAMA.name, "tools": [{}]},
        400,
        "registry.ollama.ai/library/llama3.2:3b does not support tools",
    ),
    ("no format", {"model": LLAMA.name, "format": 3}, 500, 'invalid format: "3"; expected "json"'),
    (
        "no schema",
        {"model": LLAMA.name, "format": {"type": "nonsense"}},
        400,
        "JSON schema conversion failed",
    ),
    (
        "wrong type",
        {"model": LLAMA.name, "options": {"num_ctx": "much"}},
        500,
        'option "num_ctx" must be of type integer',
    ),
    ("remote elsewhere", {"model": ELSEWHERE.name}, 400, says.CANNOT_RUN_REMOTE),
]


@pytest.mark.parametrize(("fields", "status", "text"), [row[1:] for row in TABLE])
def test_what_is_wrong_with_a_request_has_its_status_and_text(
    make_daemon: MakeDaemon, post: Post, fields: dict[str, Any], status: int, text: str
) -> None:
    daemon = make_daemon([LLAMA, EMBEDDER, ELSEWHERE])
    answer = post(daemon, "/api/chat", messages=HI, **fields)
    assert answer.status_code == status
    assert text in answer.json()["error"]


def test_what_is_behind_the_point_of_a_whole_number_is_dropped(
    make_daemon: MakeDaemon, post: Post
) -> None:
    fields = {"model": LLAMA.name, "options": {"seed": 1.5}}
    assert post(make_daemon(), "/api/chat", messages=HI, **fields).status_code == 200


@pytest.mark.parametrize(
    ("version", "path", "name", "status", "text"),
    [
        ("0.17.7", "/api/chat", "", 400, "model is required"),
        ("0.17.7", "/api/chat", "a b", 400, "model is required"),
        ("0.17.7", "/api/embed", "", 500, "unqualified name: "),
        ("0.17.7", "/api/show", "a:b:local", 500, "unqualified name: "),
        ("0.20.2", "/api/chat", "", 400, "model is required"),
        ("0.20.2", "/api/chat", "a//b", 400, "invalid model name"),
        ("0.20.2", "/api/embed", "", 404, "model '' not found"),
    ],
)
def test_what_is_no_name_is_refused_in_many_ways(
    make_daemon: MakeDaemon,
    post: Post,
    *,
    version: str,
    path: str,
    name: str,
    status: int,
    text: str,
) -> None:
    answer = post(make_daemon(version=version), path, model=name, messages=HI, input="hi")
    assert answer.status_code == status
    assert answer.json()["error"].startswith(text)


@pytest.mark.parametrize(("engine", "who"), [("llama-server", "server"), ("ollama", "model")])
def test_a_model_for_chats_makes_no_vectors(
    make_daemon: MakeDaemon, post: Post, engine: str, who: str
) -> None:
    answer = post(make_daemon(engine=engine), "/api/embed", model=LLAMA.name, input="hi")
    assert answer.status_code == 501
    assert f"{who} does not support embeddings" in answer.json()["error"]


@pytest.mark.parametrize(("engine", "status"), [("llama-server", 400), ("ollama", 500)])
def test_each_engine_has_its_own_words_for_a_schema_without_a_grammar(
    make_daemon: MakeDaemon, post: Post, engine: str, status: int
) -> None:
    daemon = make_daemon(engine=engine)
    fields = {"model": LLAMA.name, "format": {"type": "nonsense"}}
    answer = post(daemon, "/api/chat", messages=HI, **fields)
    assert (answer.status_code, answer.json()) == (status, says.no_grammar(engine).body)


@pytest.mark.parametrize(("options", "status"), [({}, 400), ({"num_batch": 4096}, 200)])
def test_llama_server_embeds_what_it_reads_at_once(
    make_daemon: MakeDaemon, post: Post, options: dict[str, int], status: int
) -> None:
    fields = {"model": EMBEDDER.name, "input": "word " * 3000, "truncate": False}
    answer = post(make_daemon([EMBEDDER]), "/api/embed", options=options, **fields)
    assert answer.status_code == status


@pytest.mark.parametrize("body", [b"", b"{not json"])
def test_what_is_no_json_is_refused(
    make_daemon: MakeDaemon, client: httpx2.Client, body: bytes
) -> None:
    answer = client.post(make_daemon().url + "/api/chat", content=body)
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_embed_words_a_missing_model_differently(make_daemon: MakeDaemon, post: Post) -> None:
    answer = post(make_daemon(), "/api/embed", model="nobody", input="hi")
    assert answer.status_code == 404
    assert answer.json()["error"] == 'model "nobody" not found, try pulling it first'


@pytest.mark.parametrize(
    ("engine", "text"),
    [
        ("ollama", says.TOO_LONG_FOR_OWN),
        ("llama-server", '"type": "exceed_context_size_error"'),
        ("mlx", "input length (103 tokens) exceeds the model's maximum context length (50 tokens)"),
    ],
)
def test_each_engine_has_its_own_words_for_a_prompt_that_is_too_long(
    make_daemon: MakeDaemon, post: Post, engine: str, text: str
) -> None:
    daemon = make_daemon(engine=engine)
    fields = {"model": LLAMA.name, "truncate": False, "options": {"num_ctx": 50}}
    answer = post(daemon, "/api/chat", messages=LONG, **fields)
    assert answer.status_code == 400
    assert text in answer.json()["error"]


def test_llama_server_puts_json_into_the_text(make_daemon: MakeDaemon, post: Post) -> None:
    fields = {"model": LLAMA.name, "truncate": False, "options": {"num_ctx": 50}}
    answer = post(make_daemon(), "/api/chat", messages=LONG, **fields)
    inner = json.loads(answer.json()["error"])["error"]
    assert (inner["n_prompt_tokens"], inner["n_ctx"]) == (103, 50)


@pytest.mark.parametrize(
    ("cloud", "status", "body"),
    [
        (Cloud(disabled=True), 403, {"error": says.CLOUD_DISABLED}),
        (Cloud(signed_in=False), 401, says.SIGN_IN),
        (Cloud(upstream="unreachable"), 500, {"error": says.UPSTREAM_LOST}),
    ],
)
def test_a_cloud_that_is_not_to_be_had_says_why(
    make_daemon: MakeDaemon, post: Post, cloud: Cloud, status: int, body: dict[str, str]
) -> None:
    answer = post(make_daemon([STUB], cloud=cloud), "/api/chat", model=STUB.name, messages=HI)
    assert (answer.status_code, answer.json()) == (status, body)


def test_a_cloud_that_is_asked_for_by_suffix_and_lost_has_another_status(
    make_daemon: MakeDaemon, post: Post
) -> None:
    daemon = make_daemon(cloud=Cloud(upstream="unreachable"))
    assert post(daemon, "/api/chat", model="glm:cloud", messages=HI).status_code == 502


def test_what_the_cloud_answers_is_handed_on_whole(make_daemon: MakeDaemon, post: Post) -> None:
    daemon = make_daemon([STUB], cloud=Cloud(upstream="quota"))
    answer = post(daemon, "/api/chat", model=STUB.name, messages=HI)
    assert answer.status_code == 429
    assert answer.json()["StatusCode"] == 429
    assert answer.json()["Status"] == "429 Too Many Requests"


def test_a_foreign_host_header_gets_an_empty_403(
    make_daemon: MakeDaemon, client: httpx2.Client
) -> None:
    url = make_daemon().url + "/api/tags"
    answer = client.get(url, headers={"Host": "evil.example:11434"})
    assert (answer.status_code, answer.content) == (403, b"")
    assert client.get(url, headers={"Host": "localhost:11434"}).status_code == 200


def test_another_method_is_405(make_daemon: MakeDaemon, client: httpx2.Client) -> None:
    assert client.get(make_daemon().url + "/api/chat").status_code == 405


def test_scripted_faults_come_once_and_only_to_prompts(make_daemon: MakeDaemon, post: Post) -> None:
    daemon = make_daemon()
    daemon.faults.append(faults.error(500, says.DIED))
    assert post(daemon, "/api/chat", model=LLAMA.name, messages=[]).json()["done_reason"] == "load"
    assert post(daemon, "/api/chat", model=LLAMA.name, messages=HI).json() == {"error": says.DIED}
    assert post(daemon, "/api/chat", model=LLAMA.name, messages=HI).json()["done"] is True


def test_an_error_in_mid_stream_is_a_line(make_daemon: MakeDaemon, client: httpx2.Client) -> None:
    daemon = make_daemon()
    daemon.faults.append(faults.error_mid_stream())
    body = {"model": LLAMA.name, "messages": HI}
    answer = client.post(daemon.url + "/api/chat", json=body)
    assert answer.status_code == 200
    assert json.loads(answer.text.splitlines()[-1]) == {"error": says.CRASHED}


@pytest.mark.parametrize("fault", [faults.breaks_mid_stream(), faults.Closes()])
def test_a_connection_can_break(make_daemon: MakeDaemon, post: Post, fault: faults.Fault) -> None:
    daemon = make_daemon()
    daemon.faults.append(fault)
    with pytest.raises(httpx2.RemoteProtocolError):
        post(daemon, "/api/chat", model=LLAMA.name, messages=HI)
    assert post(daemon, "/api/chat", model=LLAMA.name, messages=HI).status_code == 200
