"""What happened to a daemon, for tests to look at."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Record:
    """Everything a test may want to count."""

    #: `METHOD path` of every request in its order.
    calls: list[str] = field(default_factory=list)
    #: The decoded bodies of chat, generate and embed, those without a prompt included.
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    #: The prompts that would have left the machine.
    leaked: list[str] = field(default_factory=list)
    #: Names of models, each time one was loaded into memory to its end.
    loads: list[str] = field(default_factory=list)
    #: Loads that a client who lost patience broke off.
    aborted_loads: int = 0
    #: Generations whose client went away.
    aborted_generations: int = 0
    #: Generations at once, by now and at most.
    running: int = 0
    most_running: int = 0
    #: Requests that had a generation of theirs before them, at most.
    most_waiting: int = 0

    @property
    def reloads(self) -> int:
        """Loads of a model that had been loaded before."""
        return len(self.loads) - len(set(self.loads))

    @property
    def prompts(self) -> list[str]:
        """All texts that reached the daemon."""
        texts = [turn["content"] for body in self.bodies for turn in body.get("messages") or []]
        for body in self.bodies:
            given = body.get("input", body.get("prompt", ""))
            texts += [given] if isinstance(given, str) else given
        return [text for text in texts if text]
