"""How large a model's window is: pure decisions, made so that it is hardly ever loaded anew.

Ollama loads a model again whenever a request comes with another `num_ctx`, so one window is kept
for each model. It only ever grows, and in doubling steps.
"""

from jobs.model import GenerationRequest

#: The smallest window; Ollama's own default on a small machine.
LEAST = 4096
#: Text has more bytes to a token than this, nearly always; what has less, Ollama refuses with a
#: count that helps.
_BYTES_A_TOKEN = 3
#: No tokeniser gets more text into a token than this, over a whole prompt.
_MOST_BYTES_A_TOKEN = 8
#: What a chat template may put around each turn.
_TURN_TOKENS = 32


def tokens_wanted(request: GenerationRequest) -> int:
    """Tokens that prompt and answer will need, estimated on the safe side."""
    answer = request.max_tokens if request.endpoint == "chat" else 0
    return _bytes(request) // _BYTES_A_TOKEN + _around(request) + answer


def window_for(
    wanted: int, *, context: int, configured: int | None, present: int, loaded: int
) -> int:
    """The window that a model is to have for a request that wants so many tokens.

    Args:
        wanted: What the request needs.
        context: The model's own limit; 0 where it is not known.
        configured: The pool's `num_ctx`, which decides alone.
        present: The window that this backend has used so far; 0 before the first request.
        loaded: The window it has in Ollama's memory now; 0 if it is not there.
    """
    if configured is not None:
        return min(configured, context) if context else configured
    if present >= wanted:
        return present
    # Somebody has it loaded in a size that will do: taking that one saves a load.
    if not present and loaded >= wanted:
        return loaded
    window = max(LEAST, 1 << (wanted - 1).bit_length())
    return max(min(window, context) if context else window, present)


def is_cut(request: GenerationRequest, *, counted: int, window: int) -> bool:
    """Whether Ollama must have read less than the prompt: `counted` tokens of it.

    0 is no count. Only certain where the prompt may not have fitted: a tokeniser may need far
    fewer tokens than one thinks, but never more than there are bytes.
    """
    size = _bytes(request)
    if not counted or size + _around(request) < window:
        return False
    if counted < size // _MOST_BYTES_A_TOKEN:
        return True
    # Ollama's own engine leaves a window full, and thus no room for an answer.
    if counted >= window and request.endpoint == "chat":
        return True
    # What llama-server shifts out leaves about half a window, of text that would fill it.
    is_half = abs(counted - window // 2) <= _TURN_TOKENS
    return is_half and size // _BYTES_A_TOKEN > window


def _bytes(request: GenerationRequest) -> int:
    return sum(len(turn.content.encode("utf-8", "replace")) for turn in request.messages)


def _around(request: GenerationRequest) -> int:
    return _TURN_TOKENS * (1 + len(request.messages))
