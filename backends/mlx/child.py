"""The child process: owns one model for all its life, and ends when its parent does.

Three threads: the reader hears the front and notices its end, the intake makes rows, and the main
thread loads the model and generates. Started as `python -m backends.mlx.child`.
"""

import argparse
import faulthandler
import gc
import logging
import os
import queue
import signal
import sys
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from backends.mlx.frames import (
    Cancel,
    FrameWriter,
    Load,
    Loaded,
    NotLoaded,
    ToChild,
    decode_to_child,
    read_bodies,
)

if TYPE_CHECKING:
    from backends.mlx.intake import Intake

_log = logging.getLogger("backends.mlx.child")

_NETWORK_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto"})


def main() -> None:
    """Serve the front at the other end of the two pipes."""
    options = _options()
    _prepare_process()
    inbox: queue.SimpleQueue[ToChild] = queue.SimpleQueue()
    Thread(target=_read, args=(options.read_fd, inbox), daemon=True).start()
    try:
        _serve(inbox, FrameWriter(options.write_fd))
    except BrokenPipeError:
        _log.info("The front is gone.", extra={"action": "front_gone"})
    except Exception:  # noqa: BLE001  (recorded, and the end of this process)
        _log.exception("The engine's process cannot go on.", extra={"action": "engine_failed"})
    # The reader blocks in the pipe and mlx in its teardown: neither is worth waiting for.
    os._exit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="backends.mlx.child", description=__doc__)
    parser.add_argument("--read-fd", type=int, required=True)
    parser.add_argument("--write-fd", type=int, required=True)
    options = parser.parse_args()
    for fd in (options.read_fd, options.write_fd):
        # Nothing that this process might start may keep the pipes open.
        os.set_inheritable(fd, False)
    return options


def _prepare_process() -> None:
    """Leave signals to the parent, which drains, and the network to nobody."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    faulthandler.enable()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.environ["HF_HUB_OFFLINE"] = "1"
    sys.addaudithook(_refuse_network)


def _refuse_network(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in _NETWORK_EVENTS:
        raise PermissionError("the engine's process has no business on the network")


def _read(fd: int, inbox: "queue.SimpleQueue[ToChild]") -> NoReturn:
    """Hear the front; end the process, whatever it computes, when the front is gone."""
    try:
        for body in read_bodies(fd):
            inbox.put(decode_to_child(body))
    except (ValueError, msgspec.DecodeError):
        _log.exception("The front sent no frame.", extra={"action": "bad_frame"})
    finally:
        os._exit(0)


def _serve(inbox: "queue.SimpleQueue[ToChild]", writer: FrameWriter) -> None:
    # Seconds of import, with the reader already watching over the parent.
    from backends.mlx.engine import Engine, Row
    from backends.mlx.intake import Intake
    from backends.mlx.loading import is_lasting, load_model
    from backends.mlx.loop import EngineLoop

    load = inbox.get()
    if not isinstance(load, Load):
        raise TypeError(f"expected Load as the first message, got {type(load).__name__}")
    try:
        loaded = load_model(Path(load.path))
        engine = Engine(loaded.model, loaded.end_tokens, load.slots)
    except Exception as error:  # noqa: BLE001  (mlx-lm raises anything; the front is told)
        _log.exception("A model could not be loaded.", extra={"action": "load_failed"})
        message = f"{type(error).__name__}: {str(error)[:300]}"
        writer.send(NotLoaded(message, is_lasting(error)))
        return
    work: queue.SimpleQueue[Row | Cancel] = queue.SimpleQueue()
    intake = Intake(loaded=loaded, context=load.context, inbox=inbox, work=work, send=writer.send)
    Thread(target=_take_in, args=(intake,), daemon=True).start()
    # What was imported and loaded lives as long as the process: no use in looking through it.
    gc.freeze()
    writer.send(Loaded(load.name))
    EngineLoop(engine, work, writer.send).run()


def _take_in(intake: "Intake") -> NoReturn:
    """Make rows; without this thread nobody who waits would ever hear again."""
    try:
        intake.run()
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
