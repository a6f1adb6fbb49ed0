from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import model
from jobs.codes import ErrorCode
from jobs.model import Counts, GenerationRequest, Message, request_hash
from jobs.states import JobState

CANARY = "zq-canary-7781"

STRUCTS = [
    each
    for each in vars(model).values()
    if isinstance(each, type)
    and issubclass(each, msgspec.Struct)
    and each.__module__ == model.__name__
]

#: What people put into prompts, rows and answers; the rest is ours, such as ids and names.
CARRY_TEXT = {
    "content",
    "messages",
    "stop",
    "text",
    "reasoning",
    "row",
    "body",
    "error_message",
    # The prompt and the system text of the command are among them.
    "options",
}


def build(struct: type[msgspec.Struct]) -> msgspec.Struct:
    """A value of a struct with the canary in every field that carries what people wrote."""
    values = {
        field.name: canary_for(field) if field.name in CARRY_TEXT else plain(field.type)
        for field in msgspec.structs.fields(struct)
    }
    return struct(**values)


def canary_for(field: Any) -> object:
    if field.name == "messages":
        return (Message("user", CANARY),)
    if field.name == "options":
        return {"prompt": CANARY}
    return (CANARY,) if field.name == "stop" else CANARY


def plain(annotation: Any) -> object:
    """Some value for a field of ours; a struct does not check what it is given."""
    return {JobState: JobState.FAILED, ErrorCode | None: ErrorCode.REFUSED}.get(annotation, 1)


@pytest.mark.parametrize("struct", STRUCTS)
def test_no_value_shows_what_people_wrote(struct: type[msgspec.Struct]) -> None:
    value = build(struct)
    assert CANARY not in repr(value)
    assert CANARY not in f"{value} {[value]} {(value, None)!r}"


def test_the_canary_was_put_where_text_can_be() -> None:
    carrying = {
        struct.__name__
        for struct in STRUCTS
        if {field.name for field in msgspec.structs.fields(struct)} & CARRY_TEXT
    }
    assert carrying == {
        *("Message", "GenerationRequest", "GenerationResult", "NewJob", "Claimed"),
        *("Outcome", "ResultRow", "NewBatch", "Batch"),
    }
    for struct in STRUCTS:
        if struct.__name__ in carrying:
            assert CANARY in str(msgspec.to_builtins(build(struct)))


@pytest.mark.parametrize("struct", STRUCTS)
def test_values_cannot_be_changed(struct: type[msgspec.Struct]) -> None:
    name = msgspec.structs.fields(struct)[0].name
    with pytest.raises(AttributeError):
        setattr(build(struct), name, None)


REQUESTS = st.builds(
    GenerationRequest,
    model=st.text(),
    messages=st.lists(
        st.builds(Message, st.sampled_from(["system", "user", "assistant"]), st.text())
    ).map(tuple),
    max_tokens=st.integers(1, 2**31),
    temperature=st.floats(0, 2),
    top_p=st.floats(0, 1),
    seed=st.none() | st.integers(0, 2**53),
    stop=st.lists(st.text()).map(tuple),
)


@given(REQUESTS)
def test_a_request_comes_back_from_its_json(request_: GenerationRequest) -> None:
    body = msgspec.json.encode(request_)
    assert msgspec.json.decode(body, type=GenerationRequest) == request_


@given(REQUESTS, REQUESTS)
def test_two_requests_have_one_hash_only_if_they_are_the_same(
    one: GenerationRequest, other: GenerationRequest
) -> None:
    bodies = msgspec.json.encode(one), msgspec.json.encode(other)
    hashes = [request_hash(body) for body in bodies]
    assert (hashes[0] == hashes[1]) == (bodies[0] == bodies[1])
    assert [len(each) for each in hashes] == [32, 32]


def test_a_message_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"role":"user","content":"x","name":"y"}', type=Message)


def test_counts_add_up() -> None:
    counts = Counts(pending=1, dispatched=2, running=3, succeeded=4, failed=5, cancelled=6)
    assert (counts.unfinished, counts.finished, counts.total) == (6, 15, 21)
