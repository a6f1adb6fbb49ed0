"""What flags give in files: prompts that are too long for a command line, examples, schemas."""

from pathlib import Path
from typing import Any

import msgspec

from jobs.codes import ErrorCode
from jobs.errors import RowError, UsageError
from jobs.model import Message
from jobs.schemas.faults import MAX_SIZE
from producer.messages import read_messages
from producer.response_format import schema_of_words

#: Bytes of a template or of examples; every request carries them.
MAX_TEXT = 1_000_000


def read_text(flag: str, given: str | None, path: Path | None) -> str | None:
    """The text of a flag or of its `-file` twin; None without either.

    One newline at the file's end is the editor's and left out. Raises `UsageError`.
    """
    if path is None:
        return given
    if given is not None:
        raise UsageError(f"{flag} and {flag}-file say the same thing: give one of them.")
    text = _text(f"{flag}-file", path, MAX_TEXT)
    return text.removesuffix("\n").removesuffix("\r")


def read_turns(path: Path | None) -> tuple[Message, ...] | None:
    """The example turns in a file; raises `UsageError` naming the place of a fault."""
    if path is None:
        return None
    text = _text("--messages-file", path, MAX_TEXT)
    try:
        return read_messages(_json("--messages-file", path, text))
    except RowError as error:
        detail = error.detail or error.code.sentence
        if error.code is ErrorCode.UNSUPPORTED_PARAMETER:
            detail = f"{error.code.sentence} {error.detail}"
        raise UsageError(
            f"--messages-file {path} is not a JSON list of {{role, content}} objects. {detail}"
        ) from None


def read_schema(path: Path | None, words: str | None) -> dict[str, Any] | None:
    """The schema in a file, or the one for a list of words; its contents are not judged here."""
    if path is None:
        return None if words is None else schema_of_words(words)
    if words is not None:
        raise UsageError("--schema and --choices both say what answers have to be: give one.")
    schema = _json("--schema", path, _text("--schema", path, MAX_SIZE))
    if isinstance(schema, dict):
        return schema
    raise UsageError(f"--schema {path} is JSON, but no JSON Schema: it must be an object.")


def _text(flag: str, path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"{flag} {path} cannot be read: {error.strerror}.") from None
    if len(data) > most:
        raise UsageError(f"{flag} {path} has more than {most:,} bytes.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{flag} {path} is not valid UTF-8 at byte {error.start + 1}. Save it as UTF-8."
        ) from None


def _json(flag: str, path: Path, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise UsageError(f"{flag} {path} is not JSON: {error}.") from None
    except RecursionError:
        raise UsageError(f"{flag} {path} is nested too deep.") from None
