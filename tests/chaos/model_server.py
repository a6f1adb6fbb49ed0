"""The OpenAI double as a process: `python -m tests.chaos.model_server NOTE HOLDINGS DELAY`.

Its port is noted in the file NOTE, and taken again where one is noted there; the prompts that it
holds in the folder HOLDINGS.
"""

import asyncio
import sys
import threading
from pathlib import Path

from tests.chaos.holdings import Holdings
from tests.doubles.openai_server import Exchange, OpenAiDouble


class SlowDouble(OpenAiDouble):
    """Every answer takes its time, and what is being answered is written down."""

    def __init__(self, port: int, holdings: Holdings, delay_s: float) -> None:
        super().__init__(port=port)
        self._holdings = holdings
        self._delay_s = delay_s

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.method != "POST":
            await super()._answer(exchange)
            return
        self._holdings.took(exchange.prompt)
        try:
            # Whoever hangs up meanwhile is not noticed, as with many a real server.
            await asyncio.sleep(self._delay_s)
            await super()._answer(exchange)
        finally:
            self._holdings.let_go(exchange.prompt)


def main(note: Path, holdings: Path, delay_s: float) -> None:
    """Serve until killed."""
    port = int(note.read_text()) if note.exists() else 0
    double = SlowDouble(port, Holdings(holdings), delay_s)
    with double:
        note.write_text(str(double.port))
        print("ready", flush=True)  # noqa: T201  (the test reads it)
        threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
