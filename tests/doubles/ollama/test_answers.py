"""The double against the reference's account of answers, queues and windows (2.2, 2.3, 2.6)."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.doubles.ollama.conftest import MakeDaemon
from tests.doubles.ollama.daemon import LLAMA, Daemon
from tests.doubles.ollama.models import Model
from tests.waiting import eventually

Post = Callable[..., httpx2.Response]

THINKER = Model(name="qwen3:4b", capabilities=("completion", "thinking"))
EMBEDDER = Model(name="embedder:latest", capabilities=("embedding",))


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_an_answer_streams_as_lines_and_ends_with_its_counts(
    make_daemon: MakeDaemon, client: httpx2.Client
) -> None:
    body = {"model": LLAMA.name, "messages": said("one two three")}
    answer = client.post(make_daemon().url + "/api/chat", json=body)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "".join(line["message"]["content"] for line in lines) == "one two three"
    assert [line["done"] for line in lines] == [False, False, False, True]
    last = lines[-1]
    assert (last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == ("stop", 6, 3)
    assert last["total_duration"] >= last["load_duration"]


def test_no_headers_are_sent_before_the_first_line(
    make_daemon: MakeDaemon, client: httpx2.Client
) -> None:
    daemon = make_daemon(load_s=5)
    body = {"model": LLAMA.name, "messages": said("hi")}
    with pytest.raises(httpx2.ReadTimeout):
        client.post(daemon.url + "/api/chat", json=body, timeout=httpx2.Timeout(5, read=0.2))


def test_num_predict_ends_an_answer(make_daemon: MakeDaemon, post: Post) -> None:
    fields = {"model": LLAMA.name, "options": {"num_predict": 2}}
    answer = post(make_daemon(), "/api/chat", messages=said("one two three"), **fields).json()
    assert (answer["message"]["content"], answer["done_reason"]) == ("one two ", "length")


def test_a_full_window_ends_an_answer(make_daemon: MakeDaemon, post: Post) -> None:
    fields = {"model": LLAMA.name, "options": {"num_ctx": 20, "num_predict": 900}}
    answer = post(make_daemon(), "/api/chat", messages=said("endless"), **fields).json()
    assert (answer["eval_count"], answer["done_reason"]) == (16, "length")


def test_a_thinking_model_thinks_unless_it_is_told_not_to(
    make_daemon: MakeDaemon, post: Post
) -> None:
    daemon = make_daemon([THINKER])
    unset = post(daemon, "/api/chat", model=THINKER.name, messages=said("hi")).json()
    off = post(daemon, "/api/chat", model=THINKER.name, messages=said("hi"), think=False).json()
    assert unset["message"]["thinking"] == "let me think "
    assert "thinking" not in off["message"]
    assert unset["message"]["content"] == off["message"]["content"] == "hi"


def test_a_schema_is_answered_with_what_fits(make_daemon: MakeDaemon, post: Post) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
    fields = {"model": LLAMA.name, "format": schema}
    answer = post(make_daemon(), "/api/chat", messages=said("hi"), **fields).json()
    assert json.loads(answer["message"]["content"]) == {"ok": True}


def test_a_prompt_that_is_too_long_is_cut_in_silence(make_daemon: MakeDaemon, post: Post) -> None:
    fields = {"model": LLAMA.name, "options": {"num_ctx": 100, "num_predict": 1}}
    answer = post(make_daemon(), "/api/chat", messages=said("word " * 500), **fields)
    assert answer.status_code == 200
    assert answer.json()["prompt_eval_count"] == 54


def test_its_own_engine_leaves_a_window_full_of_it(make_daemon: MakeDaemon, post: Post) -> None:
    fields = {"model": LLAMA.name, "options": {"num_ctx": 100, "num_predict": 1}}
    daemon = make_daemon(engine="ollama")
    answer = post(daemon, "/api/chat", messages=said("word " * 500), **fields)
    assert answer.json()["prompt_eval_count"] == 100


def test_older_turns_are_dropped_in_silence(make_daemon: MakeDaemon, post: Post) -> None:
    turns = [{"role": "system", "content": "be brief"}, *said("word " * 200), *said("short")]
    fields = {"model": LLAMA.name, "options": {"num_ctx": 100, "num_predict": 1}}
    answer = post(make_daemon(), "/api/chat", messages=turns, **fields).json()
    assert answer["prompt_eval_count"] == 9


def test_embedding_gives_unit_vectors(make_daemon: MakeDaemon, post: Post) -> None:
    fields = {"model": EMBEDDER.name, "input": ["one", "two words"]}
    answer = post(make_daemon([EMBEDDER]), "/api/embed", **fields).json()
    assert [sum(x * x for x in vector) for vector in answer["embeddings"]] == pytest.approx([1, 1])
    assert answer["prompt_eval_count"] == 3


def test_another_window_loads_the_model_anew(make_daemon: MakeDaemon, post: Post) -> None:
    daemon = make_daemon()
    for num_ctx in (512, 512, 1024, 512):
        fields = {"model": LLAMA.name, "options": {"num_ctx": num_ctx}}
        post(daemon, "/api/chat", messages=said("hi"), **fields)
    assert (len(daemon.record.loads), daemon.record.reloads) == (3, 2)
    assert post_ps(daemon) == [512]


def test_an_empty_chat_loads_and_unloads(make_daemon: MakeDaemon, post: Post) -> None:
    daemon = make_daemon()
    load = post(daemon, "/api/chat", model=LLAMA.name, messages=[]).json()
    assert (load["done"], load["done_reason"], len(post_ps(daemon))) == (True, "load", 1)
    unload = post(daemon, "/api/chat", model=LLAMA.name, messages=[], keep_alive=0).json()
    assert (unload["done_reason"], post_ps(daemon)) == ("unload", [])


def post_ps(daemon: Daemon) -> list[int]:
    answer = httpx2.get(daemon.url + "/api/ps", trust_env=False).json()
    return [model["context_length"] for model in answer["models"]]


def test_a_loaded_model_queues_without_a_bound(make_daemon: MakeDaemon, post: Post) -> None:
    daemon = make_daemon(max_queue=1, tokens_per_s=500)
    post(daemon, "/api/chat", model=LLAMA.name, messages=[])

    def ask(_number: int) -> int:
        return post(daemon, "/api/chat", model=LLAMA.name, messages=said("hi you")).status_code

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(ask, range(12))) == {200}
    assert daemon.record.most_running == 1
    assert daemon.record.most_waiting > 1


def test_loads_queue_up_to_a_bound(make_daemon: MakeDaemon, post: Post) -> None:
    models = [Model(name=f"m{number}:latest") for number in range(3)]
    daemon = make_daemon(models, max_queue=2, load_s=0.5)

    def ask(model: Model) -> httpx2.Response:
        return post(daemon, "/api/chat", model=model.name, messages=said("hi"))

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(ask, models))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503]
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert "please try again.  maximum pending" in busy.json()["error"]
    assert "retry-after" not in busy.headers


def test_a_client_that_leaves_aborts_the_load_it_began(
    make_daemon: MakeDaemon, client: httpx2.Client
) -> None:
    daemon = make_daemon(load_s=30)
    body = {"model": LLAMA.name, "messages": said("hi")}
    with pytest.raises(httpx2.ReadTimeout):
        client.post(daemon.url + "/api/chat", json=body, timeout=httpx2.Timeout(5, read=0.1))
    eventually(lambda: daemon.record.aborted_loads == 1, "the load to be aborted", 20)
    assert daemon.record.loads == []


def test_a_client_that_leaves_aborts_its_generation(
    make_daemon: MakeDaemon, client: httpx2.Client
) -> None:
    daemon = make_daemon(tokens_per_s=100)
    body = {"model": LLAMA.name, "messages": said("endless")}
    with client.stream("POST", daemon.url + "/api/chat", json=body) as answer:
        next(answer.iter_lines())
    eventually(
        lambda: daemon.record.aborted_generations == 1 and daemon.record.running == 0,
        "the generation to be aborted",
        20,
    )


def test_tokens_come_at_the_speed_that_was_set(
    make_daemon: MakeDaemon, client: httpx2.Client
) -> None:
    daemon = make_daemon(tokens_per_s=1000)
    began = time.monotonic()
    body = {"model": LLAMA.name, "messages": said("word " * 49 + "end")}
    client.post(daemon.url + "/api/chat", json=body)
    assert time.monotonic() - began >= 0.05


def test_a_daemon_dies_and_comes_back_on_its_port(
    make_daemon: MakeDaemon, client: httpx2.Client
) -> None:
    daemon = make_daemon(load_s=30)
    failed = threading.Event()

    def ask() -> None:
        with pytest.raises(httpx2.HTTPError):
            httpx2.post(
                daemon.url + "/api/chat",
                json={"model": LLAMA.name, "messages": said("hi")},
                trust_env=False,
                timeout=20,
            )
        failed.set()

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(lambda: daemon.record.bodies, "a request", 20)
    daemon.die()
    assert failed.wait(10)
    asking.join()
    with pytest.raises(httpx2.ConnectError):
        client.get(daemon.url)
    daemon.come_back()
    assert client.get(daemon.url).text == "Ollama is running"
