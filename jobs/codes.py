"""What can go wrong with one job: a code for scripts, a sentence and a way out for people.

`docs/errors.md` is generated from this file.
"""

from enum import StrEnum
from typing import Self


class ErrorCode(StrEnum):
    """The `code` of an error record; `sentence` says what is wrong, `way_out` what helps."""

    sentence: str
    way_out: str

    def __new__(cls, value: str, sentence: str, way_out: str) -> Self:
        """Make a member that carries its two texts beside its value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        member.way_out = way_out
        return member

    # A line of the input
    INVALID_JSON = (
        "invalid_json",
        "The line is not one JSON value.",
        "Mend the line, then give the same command again: only this line runs.",
    )
    NOT_AN_OBJECT = (
        "not_an_object",
        "The line is JSON, but not an object.",
        'Write one {"prompt": …} object a line.',
    )
    INVALID_UTF8 = (
        "invalid_utf8",
        "The line is not valid UTF-8.",
        "Save the file as UTF-8, or name its own encoding with --encoding.",
    )
    INVALID_ENCODING = (
        "invalid_encoding",
        "The line is not text in the encoding that was named.",
        "Name the encoding that the file really has with --encoding, such as windows-1252.",
    )
    INVALID_CSV = (
        "invalid_csv",
        "The line is not valid CSV.",
        "Close every quote, and double those inside a quoted field.",
    )
    RAGGED_ROW = (
        "ragged_row",
        "The row has more or fewer fields than the header.",
        "Put a text with the separator in it into quotes, or add the fields that are missing.",
    )
    REPEATED_HEADER = (
        "repeated_header",
        "The line is the header once more.",
        "Take it out; it comes from joining files, and each can be given by itself.",
    )
    UNREADABLE_VALUE = (
        "unreadable_value",
        "The row has a value that JSON cannot hold.",
        "Correct the value, such as a date beyond the year 9999, or leave its column out.",
    )
    UNSTORABLE_TEXT = (
        "unstorable_text",
        "The line holds a NUL character or half of a surrogate pair.",
        "Take the character out: it is not text in any encoding.",
    )
    LINE_TOO_LARGE = (
        "line_too_large",
        "The line is longer than 10 MB.",
        "Split the row, or shorten its prompt.",
    )
    NESTED_TOO_DEEP = (
        "nested_too_deep",
        "The line is nested 100 levels deep or deeper.",
        "Flatten the row.",
    )
    MISSING_PROMPT = (
        "missing_prompt",
        "The row has neither `prompt` nor `messages`.",
        "Add one of them, or make the prompt from other columns with --prompt '… {column} …'.",
    )
    MISSING_COLUMN = (
        "missing_column",
        "The row lacks a column that the template names.",
        "Add the column to this row, or change the template.",
    )
    INVALID_MESSAGES = (
        "invalid_messages",
        "`messages` is not a list of {role, content} objects with text.",
        "Use roles system, user and assistant, and text as content.",
    )
    INVALID_CUSTOM_ID = (
        "invalid_custom_id",
        "`custom_id` is not a non-empty text.",
        "Put it in quotes, or leave it out: the default is row-<line>.",
    )
    DUPLICATE_CUSTOM_ID = (
        "duplicate_custom_id",
        "An earlier line has the same `custom_id`.",
        "Give each line its own `custom_id`; the first line with it has run.",
    )
    UNKNOWN_METHOD = (
        "unknown_method",
        "`method` is not POST.",
        "Write POST.",
    )
    UNKNOWN_URL = (
        "unknown_url",
        "`url` names no endpoint that Nightmill has.",
        "Use /v1/chat/completions or /v1/embeddings.",
    )
    INVALID_PARAMETER = (
        "invalid_parameter",
        "A parameter has the wrong type or is out of range.",
        "Correct its value, or leave it out.",
    )
    UNSUPPORTED_PARAMETER = (
        "unsupported_parameter",
        "A parameter is not supported, and nothing is dropped in silence.",
        "Take the parameter out of the line.",
    )
    INVALID_SCHEMA = (
        "invalid_schema",
        "The schema of the answer is not a JSON Schema that Nightmill can hold an answer to.",
        "Mend it as the message says; it may not refer to other documents.",
    )
    UNSUPPORTED_ENDPOINT = (
        "unsupported_endpoint",
        "No pool on this machine serves this endpoint.",
        "Use /v1/chat/completions, or configure a pool that makes embeddings.",
    )
    UNKNOWN_MODEL = (
        "unknown_model",
        "No pool has this model.",
        "See `nightmill models`, or name one for all lines with --model.",
    )

    # A job that ran
    PROMPT_TOO_LONG = (
        "prompt_too_long",
        "The prompt and its answer do not fit the model's context.",
        "Shorten the prompt, lower max_tokens, or choose a model with a longer context.",
    )
    REFUSED = (
        "refused",
        "The backend refused the request.",
        "Read the message; the same request would be refused again.",
    )
    NO_ANSWER = (
        "no_answer",
        "The model thought and gave no answer.",
        "Raise --max-tokens, or choose a model that thinks less.",
    )
    SCHEMA_MISMATCH = (
        "schema_mismatch",
        "The answer does not fit the schema, and neither did a second one.",
        "Say in the prompt what is wanted, ease the schema, or choose a larger model.",
    )
    INCOMPLETE = (
        "incomplete",
        "The answer broke off without a finish reason.",
        "Run it again with `nightmill retry BATCH`.",
    )
    TIMED_OUT = (
        "timed_out",
        "The model made no progress for too long.",
        "Run it again with `nightmill retry BATCH`, or choose a smaller model.",
    )
    BACKEND_FAILED = (
        "backend_failed",
        "The backend failed on this job each time it was tried.",
        "Look into the worker's log, then `nightmill retry BATCH`.",
    )
    POISON = (
        "poison",
        "Its engine died of the job with nothing else in it, as often as is allowed.",
        "Change the prompt or leave the row out, and look into the engine's log.",
    )
    PRIVACY = (
        "privacy",
        "The answer came from somewhere else than this job was allowed to go.",
        "Nothing more is sent there; see the worker's log before you go on.",
    )
    CANCELLED = (
        "cancelled",
        "The job was cancelled.",
        "Give the same command again to run what was cancelled.",
    )
    EXPIRED = (
        "expired",
        "The batch's deadline passed first.",
        "Give the same command again with a later deadline.",
    )
