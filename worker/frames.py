"""Where an exception came from, without what it says: its text may quote a prompt."""

import traceback


def frames_of(error: BaseException) -> str:
    """The type of `error` and the lines of code that it went through, outermost first."""
    lines = traceback.format_list(traceback.extract_tb(error.__traceback__))
    return "".join([*lines, type(error).__name__])
