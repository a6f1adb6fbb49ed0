"""Whether an answer may be as long as somebody wants, given what a model has room for."""

from jobs.errors import UsageError


def refuse_beyond(max_tokens: int | None, model: str, room: int) -> None:
    """Raise `UsageError` where no prompt can have an answer of so many tokens.

    `room` is what the model has for prompt and answer together, 0 where more does no harm.
    """
    if room and max_tokens is not None and max_tokens >= room:
        raise UsageError(
            f"{model} has room for {room:,} tokens of prompt and answer together, and --max-tokens"
            f" wants {max_tokens:,} for the answer. Lower it, or name a model with a longer context"
            " by --model."
        )
