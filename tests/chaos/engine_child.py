"""The child of the `mlx` backend, which writes down what it holds:
`python -m tests.chaos.engine_child HOLDINGS OPTIONS…`.
"""

import sys
from pathlib import Path

from backends.mlx import child
from backends.mlx.frames import Crashed, FrameWriter, Generate, Refused, Report, ToChild, ToFront
from tests.chaos.holdings import Holdings


def write_down(holdings: Holdings) -> None:
    """Note each row when it comes, and again before the front hears that it is over."""
    prompts: dict[int, str] = {}
    decode, send = child.decode_to_child, FrameWriter.send

    def decode_and_note(body: bytes) -> ToChild:
        message = decode(body)
        if isinstance(message, Generate):
            prompts[message.id] = message.request.messages[-1].content
            holdings.took(prompts[message.id])
        return message

    def note_and_send(writer: FrameWriter, message: ToFront) -> None:
        for row in _ended(message):
            if row in prompts:
                holdings.let_go(prompts.pop(row))
        send(writer, message)

    vars(child)["decode_to_child"] = decode_and_note
    FrameWriter.send = note_and_send  # type: ignore[method-assign]


def _ended(message: ToFront) -> tuple[int, ...]:
    match message:
        case Report():
            return (*(row.id for row in message.finished), *message.cancelled)
        case Refused():
            return (message.id,)
        case Crashed():
            return message.ids
        case _:
            return ()


if __name__ == "__main__":
    write_down(Holdings(Path(sys.argv.pop(1))))
    child.main()
