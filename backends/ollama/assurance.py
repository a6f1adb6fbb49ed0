"""What makes sure that an Ollama keeps prompts to itself: a pure decision."""

from typing import Literal

from backends.ollama.versions import is_known, is_since

#: `named`: every request names the model in a way that only a model of that machine answers to.
#: `switched off`: the daemon was told to do without its cloud.
Assurance = Literal["named", "switched off"]

#: Before it, prompts that are too long are cut in silence whatever is asked.
TRUNCATE_SINCE = (0, 12, 4)
#: Since it, `:local` behind a name is answered on the daemon's own machine or refused. 0.17.7 takes
#: it for a part of the name, and answers 400 whatever the model.
LOCAL_NAMES_SINCE = (0, 18, 0)


def assurance_of(version: str, *, is_cloud_off: bool) -> Assurance | None:
    """How this daemon can be held to its machine; None where it cannot.

    `is_cloud_off` is what its `/api/status` says; False where it has none.
    """
    if is_since(version, LOCAL_NAMES_SINCE):
        return "named"
    return "switched off" if is_cloud_off else None


def is_too_old(version: str) -> bool:
    """Whether it would cut prompts without a word. What is no version is somebody's own build."""
    return is_known(version) and not is_since(version, TRUNCATE_SINCE)


def missing_assurance(version: str, place: str) -> str:
    """The sentence for a daemon that nothing holds to its machine."""
    wanted = ".".join(map(str, LOCAL_NAMES_SINCE))
    return (
        f"Ollama {version[:30]!a} at {place} might answer from its cloud without a word, so it "
        f"gets no prompts. Expected {wanted} or newer, or OLLAMA_NO_CLOUD=1 set for a daemon of "
        "0.16.2 or newer: do either, and start it again."
    )


def too_old(version: str, place: str) -> str:
    """The sentence for a daemon that would cut prompts."""
    wanted = ".".join(map(str, TRUNCATE_SINCE))
    return (
        f"Ollama {version[:30]!a} at {place} is too old: it cuts long prompts without a word. "
        f"Expected {wanted} or newer; update it."
    )
