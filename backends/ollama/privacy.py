"""Refusing what would leave the machine, and noticing what did."""

from backends.errors import PrivacyBreachError, RefusedError
from backends.ollama.names import is_cloud_name, is_same
from backends.ollama.wire import Remote
from jobs.codes import ErrorCode

_SHOWN = 100


def require_local_name(name: str) -> None:
    """Refuse a name that Ollama answers from its cloud, before anybody is asked anything."""
    if is_cloud_name(name):
        raise refused_as_remote(name)


def refused_as_remote(name: str) -> RefusedError:
    """For a model that another machine would run."""
    return RefusedError(
        f"Ollama would run {shown(name)} on another machine, so nothing was sent. "
        "Choose one of `nightmill models`.",
        ErrorCode.PRIVACY,
    )


def require_local_answer(answer: Remote, echoed: str, asked: str) -> None:
    """Raise `PrivacyBreachError` where an answer shows that another machine made it.

    What is handed through from the cloud may lack all signs but one: it bears the cloud's own
    name for the model.
    """
    if answer.is_remote:
        host = shown(answer.remote_host or "another machine")
        raise PrivacyBreachError(
            f"Ollama had {shown(asked)} answered by {host}: the prompt left this machine. Remove "
            "that model, and set OLLAMA_NO_CLOUD=1 for Ollama."
        )
    if echoed and not is_same(echoed, asked):
        raise PrivacyBreachError(
            f"Ollama was asked for {shown(asked)} and answered with {shown(echoed)}, as it does "
            "with models of its cloud. Look at that model with `ollama show`."
        )


def shown(text: str) -> str:
    """A name that came from outside, as it may stand in a message."""
    return ascii(text)[1:-1][:_SHOWN]
