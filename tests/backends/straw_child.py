"""A child without an engine: speaks in frames, and behaves as its first argument says."""

import os
import sys
import threading
import time

from backends.mlx.frames import (
    Cancel,
    Finished,
    FrameWriter,
    Generate,
    Load,
    Loaded,
    NotLoaded,
    Report,
    decode_to_child,
    read_bodies,
)


def main() -> None:
    behaviour = sys.argv[1]
    read_fd, write_fd = (
        int(sys.argv[sys.argv.index(name) + 1]) for name in ("--read-fd", "--write-fd")
    )
    writer = FrameWriter(write_fd)
    if behaviour != "mute":
        threading.Thread(target=beat, args=(writer,), daemon=True).start()
    for body in read_bodies(read_fd):
        match decode_to_child(body):
            case Load(name=name):
                load(name, behaviour, writer)
            case Generate(id=row):
                generate(row, behaviour, writer, write_fd)
            case Cancel(id=row) if behaviour != "stubborn":
                writer.send(Report(cancelled=(row,)))


def beat(writer: FrameWriter) -> None:
    while True:
        writer.send(Report())
        time.sleep(0.02)


def load(name: str, behaviour: str, writer: FrameWriter) -> None:
    match behaviour:
        case "dies-loading":
            os._exit(7)
        case "lacks-memory":
            writer.send(NotLoaded("RuntimeError: [malloc] Unable to allocate", is_lasting=False))
        case "broken-model":
            writer.send(NotLoaded("ValueError: Model type x not supported", is_lasting=True))
        case "loads-for-ever":
            pass
        case _:
            writer.send(Loaded(name))


def generate(row: int, behaviour: str, writer: FrameWriter, write_fd: int) -> None:
    match behaviour:
        case "answers":
            text = f"from {os.getpid()}"
            writer.send(Report(finished=(Finished(row, text, None, "stop", 1, 1),)))
        case "garbage":
            os.write(write_fd, b"garbage!" * 8)
        case _:
            writer.send(Report(progress=((row, 1),)))


if __name__ == "__main__":
    main()
