"""Showing a message on the desktop of this machine."""

import shutil
import sys
from collections.abc import Sequence

from nightmill.notifying.command import Command
from nightmill.notifying.message import Message

#: Arguments rather than a script with the text in it, which would be run.
_MACOS = (
    *("-e", "on run argv"),
    *("-e", "display notification (item 1 of argv) with title (item 2 of argv)"),
    *("-e", "end run"),
)
_TITLE = "Nightmill"
_TIMEOUT_S = 10.0


class Desktop:
    """Whoever sits before this machine."""

    def send(self, message: Message) -> None:
        """Show it. Raises `NotSentError` where nobody can be shown anything."""
        Command(words_for(message.as_text()), _TIMEOUT_S).send(message)


def can_show(platform: str = sys.platform) -> bool:
    """Whether there is a program that shows messages."""
    return shutil.which(words_for("", platform)[0]) is not None


def words_for(text: str, platform: str = sys.platform) -> Sequence[str]:
    """The program that shows a text, with its arguments."""
    if platform == "darwin":
        return ["osascript", *_MACOS, text, _TITLE]
    return ["notify-send", _TITLE, text]
