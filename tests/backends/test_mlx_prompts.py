"""Prompts as the model reads them, with a tokenizer that counts characters."""

from typing import Any

import pytest
from jinja2 import TemplateError

from backends.errors import RefusedError
from backends.mlx.prompts import render
from backends.mlx.text import Markers
from jobs.codes import ErrorCode
from jobs.model import GenerationRequest, Message

THINK = Markers("<think>", "</think>")


class Tokenizer:
    """A character is a token; one more is put first where special tokens are asked for."""

    def __init__(self, template: str | Exception | None = "{}<assistant>") -> None:
        self._template = template
        self.has_chat_template = template is not None

    def apply_chat_template(
        self, messages: list[dict[str, str]], *, tokenize: bool, add_generation_prompt: bool
    ) -> str:
        assert (tokenize, add_generation_prompt) == (False, True)
        if isinstance(self._template, Exception):
            raise self._template
        assert self._template is not None
        return self._template.format("".join(f"<{m['role']}>{m['content']}" for m in messages))

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        return [0] * add_special_tokens + [ord(character) for character in text]


def request(*contents: str, max_tokens: int = 10) -> GenerationRequest:
    messages = tuple(Message("user", content) for content in contents)
    return GenerationRequest(model="m", messages=messages, max_tokens=max_tokens)


def rendered(tokenizer: Tokenizer, *contents: str, **options: Any) -> str:
    prompt = render(tokenizer, request(*contents), **{"context": 0, "markers": None, **options})
    return "".join(map(chr, prompt.ids))


def test_the_chat_template_makes_the_prompt() -> None:
    assert rendered(Tokenizer(), "hello", "again") == "<user>hello<user>again<assistant>"


def test_without_a_template_the_texts_are_joined() -> None:
    assert rendered(Tokenizer(None), "hello", "again") == "\0hello\n\nagain"


@pytest.mark.parametrize(
    ("template", "starts"),
    [("{}<think>\n", True), ("{}<think>\n\n</think>\n", False), ("<think>{}", False)],
)
def test_a_prompt_may_end_inside_a_thought(template: str, starts: bool) -> None:
    prompt = render(Tokenizer(template), request("hello"), context=0, markers=THINK)
    assert prompt.starts_thinking == starts


def test_the_answer_has_to_fit_the_context_too() -> None:
    tokenizer = Tokenizer("{}")
    assert len(rendered(tokenizer, "1234", context=20)) == 10
    with pytest.raises(RefusedError, match=r"10 tokens .* together 20; the context of m has 19"):
        rendered(tokenizer, "1234", context=19)


def test_too_long_has_its_own_code() -> None:
    with pytest.raises(RefusedError) as caught:
        rendered(Tokenizer(), "long", context=5)
    assert caught.value.code == ErrorCode.PROMPT_TOO_LONG


def test_an_empty_prompt_is_refused() -> None:
    with pytest.raises(RefusedError, match="empty"):
        rendered(Tokenizer(""), "hello")


def test_the_words_of_a_template_that_refuses_are_passed_on() -> None:
    with pytest.raises(RefusedError, match="of m refused the messages: System role not supported"):
        rendered(Tokenizer(TemplateError("System role not supported")), "hello")


@pytest.mark.parametrize(
    "error", [TemplateError("cannot read: my secret prompt"), TypeError("my secret prompt")]
)
def test_the_words_of_the_user_are_not(error: Exception) -> None:
    with pytest.raises(RefusedError, match=type(error).__name__) as caught:
        rendered(Tokenizer(error), "my secret prompt")
    assert "secret" not in str(caught.value)


class WithoutSystem(Tokenizer):
    """A template as that of older Gemma models."""

    def apply_chat_template(self, messages: list[dict[str, str]], **options: Any) -> str:
        if messages[0]["role"] == "system":
            raise TemplateError("System role not supported")
        return super().apply_chat_template(messages, **options)


def told(tokenizer: Tokenizer, schema: dict[str, Any], *messages: Message) -> str:
    asked = GenerationRequest(model="m", messages=messages, schema=schema)
    return "".join(map(chr, render(tokenizer, asked, context=0, markers=None).ids))


HELLO = Message("user", "hello")
JSON = "Answer with JSON only, without explanation or code fence, that fits this JSON Schema: "


def test_a_schema_is_told_in_the_system_message() -> None:
    schema = {"type": "object"}
    assert told(Tokenizer(), schema, HELLO) == (
        f'<system>{JSON}{{"type":"object"}}<user>hello<assistant>'
    )
    assert told(Tokenizer(), schema, Message("system", "Be brief."), HELLO) == (
        f'<system>Be brief.\n\n{JSON}{{"type":"object"}}<user>hello<assistant>'
    )
    assert told(Tokenizer(None), {}, HELLO) == f"\0{JSON}{{}}\n\nhello"


def test_words_to_choose_from_are_told_as_words() -> None:
    said = told(Tokenizer(), {"type": "string", "enum": ["bug", "praise"]}, HELLO)
    assert "exactly one of these words and nothing else: bug, praise<user>" in said


def test_where_the_template_knows_no_system_message_the_user_says_it() -> None:
    assert told(WithoutSystem(), {}, HELLO) == f"<user>{JSON}{{}}\n\nhello<assistant>"
    with pytest.raises(RefusedError, match="System role not supported"):
        told(WithoutSystem(), {}, Message("system", "s"), HELLO)
