"""The OpenAI double as a process: `python -m tests.chaos.model_server NOTE DELAY`.

Its port is noted in the file NOTE, and taken again where one is noted there.
"""

import asyncio
import sys
import threading
from pathlib import Path

from tests.doubles.openai_server import Exchange, OpenAiDouble


class SlowDouble(OpenAiDouble):
    """Every answer takes its time."""

    delay_s = 0.0

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.method == "POST":
            await asyncio.sleep(self.delay_s)
        await super()._answer(exchange)


def main(note: Path, delay_s: float) -> None:
    """Serve until killed."""
    double = SlowDouble(port=int(note.read_text()) if note.exists() else 0)
    double.delay_s = delay_s
    with double:
        note.write_text(str(double.port))
        print("ready", flush=True)  # noqa: T201  (the test reads it)
        threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
