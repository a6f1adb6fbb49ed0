"""What is a schema that answers can be held to, and what is none."""

import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.schemas.faults import checked_schema
from jobs.schemas.library import DRAFTS, SchemaFaultError
from jobs.schemas.misfits import misfit

TREE = {
    "$defs": {"node": {"properties": {"children": {"items": {"$ref": "#/$defs/node"}}}}},
    "$ref": "#/$defs/node",
}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"a": {"enum": [1, "b"]}}, "required": ["a"]},
        *({"$schema": draft, "type": "string"} for draft in DRAFTS),
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"$id": "https://example.org/mine", "$ref": "#/$defs/a", "$defs": {"a": {}}},
        {"$ref": "#here", "$defs": {"a": {"$anchor": "here"}}},
        {"properties": {"child": {"$ref": "#"}}},
        TREE,
        {"components": {"a": {"type": "null"}}, "$ref": "#/components/a"},
        {"pattern": "^(a+)+$"},
        {"enum": [{"$ref": "http://example.org"}]},
        nested(90),
    ],
)
def test_a_good_schema_is_given_back(schema: dict[str, Any]) -> None:
    assert checked_schema(schema) is schema


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (True, "no object"),
        ("text", "no object"),
        (None, "no object"),
        ({"type": "text"}, "At /type it breaks the rule"),
        ({"properties": {"a": {"minLength": -1}}}, "At /properties/a/minLength"),
        ({"properties": []}, "At /properties"),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "`$schema` must be one of"),
        ({"$schema": "https://example.org/mine"}, "`$schema` must be one of"),
        ({"$schema": 7}, "`$schema` must be one of"),
        ({"pattern": "("}, "At /pattern"),
        ({"patternProperties": {"[": {}}}, "At "),
        ({"$ref": "https://example.org/a.json"}, "leads out of it"),
        ({"items": {"$ref": "other.json#/a"}}, "leads out of it"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "leads out of it"),
        ({"$defs": {"unused": {"$ref": "//example.org/x"}}}, "leads out of it"),
        ({"$ref": "#/$defs/nowhere"}, "leads nowhere"),
        ({"$ref": "#nowhere"}, "leads nowhere"),
        ({"$dynamicRef": "http://example.org#x"}, "leads out of it"),
        ({"enum": ["a"], "$ref": "#/enum/0"}, "no schema"),
        ({"enum": ["a"], "$ref": "#/enum/one"}, "leads nowhere"),
        ({"$ref": "#"}, "never end"),
        ({"anyOf": [{"type": "null"}, {"$ref": "#"}]}, "never end"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}}, "never end"),
        (nested(101), "levels deep"),
        (nested(100_000), "levels deep"),
        ({"description": "x" * 1_000_001}, "bytes of JSON"),
        ({"enum": list(range(10_001))}, "a list of more than 10,000 items"),
        ({"const": 1j}, "JSON does not have"),
    ],
)
def test_what_no_answer_can_be_held_to_is_refused_with_the_reason(
    schema: object, words: str
) -> None:
    with pytest.raises(SchemaFaultError, match=re.escape(words)):
        checked_schema(schema)


@pytest.fixture
def listening() -> Iterator[tuple[str, list[str]]]:
    """A server on loopback: its address, and who has connected to it."""
    callers: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, caller = server.accept()
                except OSError:
                    return
                callers.append(str(caller))
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", callers
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_reference_to_another_document_connects_to_nobody(
    listening: tuple[str, list[str]],
) -> None:
    url, callers = listening
    schemas: list[dict[str, Any]] = [
        {"$ref": f"{url}/a.json"},
        {"$id": f"{url}/base.json", "$ref": "other.json"},
        {"$id": f"{url}/base.json", "properties": {"a": {"$ref": f"{url}/x#/y"}}},
        {"$schema": f"{url}/meta.json"},
    ]

    for schema in schemas:
        with pytest.raises(SchemaFaultError):
            checked_schema(schema)
        with pytest.raises(Exception, match=r"."):
            # As if nobody had looked at it before.
            misfit(schema | {"$schema": DRAFTS[0], "required": [[]]}, {"a": 1})

    assert callers == []
