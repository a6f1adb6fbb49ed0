"""Text made storable: what no database takes becomes U+FFFD, everything else stays."""

import re

REPLACEMENT = "\ufffd"

_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` without NUL and halves of surrogate pairs; two halves in a row become one character.

    A model may produce either; Postgres refuses NUL, and no encoding knows a lone surrogate.
    """
    if "\0" in text:
        text = text.replace("\0", REPLACEMENT)
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
