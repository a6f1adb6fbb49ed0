"""What a well server is asked, and what is made of its answers."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backends.errors import PrivacyBreachError
from backends.openai_compatible.backend import OpenAiBackend
from backends.watch import Timeouts
from jobs.model import GenerationRequest, Message
from tests.backends.asking import answer, ask, ignore
from tests.backends.conftest import Run
from tests.doubles.openai_server import MODEL, OpenAiDouble, chunk, events, status, usage

Make = Callable[..., OpenAiBackend]
KEY = "sk-tr0ub4dor"


@pytest.fixture
def double() -> Iterator[OpenAiDouble]:
    with OpenAiDouble() as double:
        yield double


@pytest.fixture
def make(double: OpenAiDouble, run: Run) -> Iterator[Make]:
    made: list[OpenAiBackend] = []

    def make(path: str = "", **options: Any) -> OpenAiBackend:
        url = double.url + path
        made.append(OpenAiBackend(url, **{"slots": 4, "timeouts": Timeouts(), **options}))
        run(made[-1].open())
        return made[-1]

    yield make
    for backend in made:
        run(backend.close())


def test_a_request_says_all_that_was_asked_for(run: Run, double: OpenAiDouble, make: Make) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    request = GenerationRequest(
        model=MODEL,
        messages=(Message("system", "Be brief."), Message("user", "Hello")),
        max_tokens=7,
        temperature=0.5,
        top_p=0.9,
        seed=11,
        stop=("END",),
        schema=schema,
    )
    run(make().generate(request, ignore))
    [exchange] = double.seen
    assert exchange.path == "/v1/chat/completions"
    assert exchange.body == {
        "model": MODEL,
        "messages": [
            {
                "role": "system",
                "content": "Be brief.\n\nAnswer with JSON only, without explanation or code fence,"
                f" that fits this JSON Schema: {json.dumps(schema, separators=(',', ':'))}",
            },
            {"role": "user", "content": "Hello"},
        ],
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 11,
        "stop": ["END"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": schema},
        },
    }


def test_what_was_not_asked_for_is_left_to_the_server(
    run: Run, double: OpenAiDouble, make: Make
) -> None:
    run(answer(make(), ask("hello", MODEL)))
    assert {"seed", "stop", "response_format"}.isdisjoint(double.seen[0].body)


def test_a_server_that_passes_over_the_format_hears_the_choices_in_words(
    run: Run, double: OpenAiDouble, make: Make
) -> None:
    words = {"type": "string", "enum": ["good", "bad"]}
    run(answer(make(), ask("How is it?", MODEL, schema=words)))
    # No system message, as some templates know none.
    [turn] = double.seen[0].body["messages"]
    assert turn["role"] == "user"
    assert "exactly one of these words and nothing else: good, bad" in turn["content"]
    assert turn["content"].endswith("\n\nHow is it?")
    assert double.seen[0].body["response_format"]["json_schema"]["schema"] == words


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_the_address_may_be_given_as_other_programs_want_it(
    run: Run, double: OpenAiDouble, make: Make, path: str
) -> None:
    assert run(answer(make(path), ask("hello", MODEL))).text == "hello "


def test_the_key_goes_to_the_server_and_nowhere_else(
    run: Run, double: OpenAiDouble, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    backend = make(key=KEY)
    run(answer(backend, ask("hello", MODEL)))
    assert double.seen[0].headers["authorization"] == f"Bearer {KEY}"
    double.faults["no"] = [status(401, KEY.encode())]
    with pytest.raises(Exception) as caught:
        run(answer(backend, ask("no", MODEL)))
    assert KEY not in repr(caught.value) + repr(backend) + repr(vars(backend)["_server"])
    assert KEY not in "".join(record.getMessage() for record in caplog.records)


def test_variables_of_other_programs_have_no_say(
    run: Run, double: OpenAiDouble, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAiDouble() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "OPENAI_BASE_URL"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.delenv("NO_PROXY", raising=False)
        run(answer(make(), ask("hello", MODEL)))
        assert (len(double.seen), proxy.seen, proxy.asked) == (1, [], [])
        assert "authorization" not in double.seen[0].headers


def test_reasoning_is_kept_apart(run: Run, double: OpenAiDouble, make: Make) -> None:
    for name in ("reasoning", "reasoning_content"):
        double.faults["think"] = [
            events(
                chunk({name: "Hm. "}),
                chunk({name: "Well."}),
                chunk({"content": "Yes."}),
                chunk({"content": None}, "stop"),
                usage(3, 9),
                "[DONE]",
            )
        ]
        result = run(answer(make(), ask("think", MODEL)))
        assert (result.text, result.reasoning) == ("Yes.", "Hm. Well.")
        assert (result.input_tokens, result.output_tokens) == (3, 9)


def test_an_answer_cut_at_its_own_limit_is_one(run: Run, double: OpenAiDouble, make: Make) -> None:
    cut = events(chunk({"content": "a"}), chunk({}, "length"), usage(3, 10), "[DONE]")
    double.faults["go"] = [cut]
    result = run(answer(make(), ask("go", MODEL, max_tokens=10)))
    assert (result.finish_reason, result.text) == ("length", "a")


def test_without_counts_the_pieces_are_counted(run: Run, double: OpenAiDouble, make: Make) -> None:
    pieces = [chunk({"content": "a"}), chunk({"content": ""}), chunk({"content": "b"})]
    double.faults["go"] = [events(*pieces, chunk({}, "stop"), "[DONE]")]
    counts: list[int] = []
    result = run(make().generate(ask("go", MODEL), counts.append))
    assert (result.input_tokens, result.output_tokens, counts) == (0, 2, [1, 2])


def test_an_embedding_is_a_list_of_numbers(run: Run, double: OpenAiDouble, make: Make) -> None:
    result = run(answer(make(), ask("text", MODEL, endpoint="embeddings")))
    assert (json.loads(result.text), result.form) == ([0.5, -1.0, 2.0], "vector")
    assert (result.input_tokens, result.output_tokens, result.finish_reason) == (3, 0, "stop")
    assert double.seen[0].path == "/v1/embeddings"
    assert double.seen[0].body == {"model": MODEL, "input": "text", "encoding_format": "float"}


def test_what_servers_tell_of_their_models_is_taken_over(
    run: Run, double: OpenAiDouble, make: Make
) -> None:
    double.models = [
        {"id": "llama", "owned_by": "llamacpp", "meta": {"n_ctx_train": 4096, "size": 5_000}},
        {"id": "served", "owned_by": "vllm", "max_model_len": 8192},
        {"id": "studio", "owned_by": "organization_owner"},
        {"id": "vectors", "owned_by": "organization_owner"},
        {"id": "nomic-embed-text", "owned_by": "llamacpp"},
        {"id": "BAAI/bge-m3"},
    ]
    own_list = [
        {"id": "studio", "type": "llm", "max_context_length": 2048, "quantization": "4bit"},
        {"id": "vectors", "type": "embeddings"},
    ]
    body = json.dumps({"data": own_list}).encode()
    double.paths["/api/v0/models"] = status(200, body)
    models = {model.name: model for model in run(make().open()).models}
    assert (models["llama"].context, models["llama"].size) == (4096, 5_000)
    assert models["served"].context == 8192
    assert (models["studio"].context, models["studio"].quantization) == (2048, "4bit")
    assert {name for name, model in models.items() if model.endpoints == ("embeddings",)} == {
        "vectors",
        "nomic-embed-text",
        "BAAI/bge-m3",
    }


@pytest.mark.parametrize(
    "behaviour",
    [
        status(200, b"<html>", "text/html"),
        status(200, b'{"data": 5}'),
        status(200, b"[]"),
        status(401),
        status(404),
    ],
)
def test_a_server_that_lists_no_models_is_asked_for_nothing(
    run: Run, double: OpenAiDouble, make: Make, behaviour: Any
) -> None:
    double.paths["/v1/models"] = behaviour
    backend = make()
    assert run(backend.open()).models == ()
    with pytest.raises(Exception, match="server"):
        run(answer(backend, ask("hello", MODEL)))
    assert double.seen == []


def test_a_server_that_leads_elsewhere_is_not_opened(
    run: Run, double: OpenAiDouble, make: Make
) -> None:
    double.paths["/v1/models"] = status(302, location="http://192.0.2.1/v1/models")
    with pytest.raises(PrivacyBreachError, match="another machine"):
        make()
