"""What Ollama says and is told, as values. What it says beside that is passed over."""

from typing import Any

import msgspec


class Version(msgspec.Struct, frozen=True):
    """`/api/version`."""

    version: str


class CloudStatus(msgspec.Struct, frozen=True):
    """Whether the cloud was switched off."""

    disabled: bool = False


class Status(msgspec.Struct, frozen=True):
    """`/api/status`; older daemons have none."""

    cloud: CloudStatus = CloudStatus()


class Details(msgspec.Struct, frozen=True):
    """What kind of model it is."""

    family: str = ""
    quantization_level: str = ""


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """What is said beside a model or an answer when another machine runs it."""

    remote_model: str | None = None
    remote_host: str | None = None

    @property
    def is_remote(self) -> bool:
        """Whether another machine runs it."""
        return bool(self.remote_model or self.remote_host)


class Tag(Remote, frozen=True, kw_only=True):
    """A model of `/api/tags`."""

    name: str
    size: int = 0
    digest: str = ""
    details: Details = Details()


class Tags(msgspec.Struct, frozen=True):
    """`/api/tags`."""

    models: list[Tag] | None = None


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A model in memory."""

    name: str
    #: The window it was loaded with; 0 from daemons that do not say.
    context_length: int = 0
    #: The year of this is far off for a model that is to stay.
    expires_at: str = ""


class Ps(msgspec.Struct, frozen=True):
    """`/api/ps`."""

    models: list[Loaded] | None = None


class Shown(Remote, frozen=True, kw_only=True):
    """`/api/show`."""

    parameters: str = ""
    #: The text that the model could be made from again.
    modelfile: str = ""
    details: Details = Details()
    model_info: dict[str, Any] | None = None
    capabilities: list[str] | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to generate. All of it is sent each time: Ollama's own defaults are other ones."""

    num_ctx: int
    num_predict: int
    seed: int
    temperature: float
    top_p: float
    stop: tuple[str, ...]


class LoadOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The options that decide whether a model has to be loaded anew."""

    num_ctx: int
    #: Tokens that are read at once. A text to embed is read at once or refused, however large the
    #: window: at more than 2,048 tokens, where nothing else is said (0.32.0).
    num_batch: int | None = None


class Turn(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: str
    content: str


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`/api/chat`; without turns it loads the model."""

    model: str
    messages: tuple[Turn, ...]
    options: Options | LoadOptions
    keep_alive: int | str | None = None
    think: bool | str | None = None
    format: dict[str, Any] | None = None
    stream: bool = True
    #: Never cut the prompt, neither at its beginning nor while answering.
    truncate: bool | None = None
    shift: bool | None = None


class EmbedRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`/api/embed`; an empty text loads the model."""

    model: str
    input: str
    options: LoadOptions
    keep_alive: int | str | None = None
    truncate: bool | None = None


class Said(msgspec.Struct, frozen=True):
    """A piece of an answer."""

    content: str = ""
    thinking: str = ""


class ChatLine(Remote, frozen=True, kw_only=True):
    """One line of a streamed answer; the last is `done` and has the counts."""

    model: str = ""
    message: Said = Said()
    done: bool = False
    done_reason: str = ""
    #: Left out by Ollama where they are 0.
    prompt_eval_count: int = 0
    eval_count: int = 0
    #: What went wrong; then there is nothing else.
    error: Any = None


class Embedded(Remote, frozen=True, kw_only=True):
    """The answer of `/api/embed`."""

    model: str = ""
    embeddings: list[list[float]] | None = None
    prompt_eval_count: int = 0
