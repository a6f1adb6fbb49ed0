"""What both kinds of forwards have in common."""

import asyncio
from typing import cast

import asyncssh
import pytest

from jobs.tunnels import ForwardState
from tests.tunnel.services import port
from tunnel.forward import Forward
from tunnel.line import Line
from tunnel.local import LocalWay
from tunnel.probing import Answer


@pytest.mark.parametrize("error", [ConnectionResetError(), asyncssh.ConnectionLost("gone")])
def test_a_question_that_breaks_is_no_answer_and_ends_nothing(error: Exception) -> None:
    class Breaking(LocalWay):
        async def ask(self, line: Line, within_s: float) -> Answer:
            raise error

    async def scene() -> None:
        way = Breaking(Forward("local", port(), port(), "redis"), lambda: 0.0)
        await way.open(cast("Line", object()))
        assert not await way.probe(within_s=10)
        assert way.state is ForwardState.DEAD
        assert "the question broke" in way.report().reason
        await way.stop()

    asyncio.run(scene())
