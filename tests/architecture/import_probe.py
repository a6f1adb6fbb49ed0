"""Import the modules named on standard input and print what that did besides defining names.

Run in a process of its own: python import_probe.py <modules
"""

import importlib
import json
import os
import sys
import threading
import traceback

#: Opening for reading is what importing does.
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
DOING = {
    *("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod"),
    *("os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec", "subprocess.Popen"),
    *("socket.bind", "socket.connect", "socket.getaddrinfo", "socket.__new__"),
    "sqlite3.connect",
}
#: Where code is not ours; wsgiref, which Flower's metrics bring, copies the whole environment.
LIBRARIES = ("site-packages", "wsgiref")
#: As it is imported, asyncssh looks for libraries of the system; ctypes asks other programs.
SEARCH = "/asyncssh/crypto/"
done: list[str] = []


class SpiedEnviron(os._Environ[str]):
    """The environment, noting when code of ours asks for a variable of ours."""

    def __getitem__(self, key: str) -> str:
        # Libraries that go through all variables for their own are not meant.
        near = "".join(stack()[-3:])
        if key.startswith("NIGHTMILL_") and not any(library in near for library in LIBRARIES):
            note(f"read {key}")
        return super().__getitem__(key)


class SpiedThread(threading.Thread):
    """A thread that notes who starts it."""

    def start(self) -> None:
        note(f"started {self.name}")
        super().start()


def watch(event: str, args: tuple[object, ...]) -> None:
    if event in DOING:
        note(event)
    elif event == "open" and isinstance(args[2], int) and args[2] & WRITING:
        note(f"wrote {args[0]!r}")


def note(what: str) -> None:
    """Keep what was done with the places in the code that led to it."""
    places = stack()
    if not any(SEARCH in place for place in places):
        done.append(f"{what} at {' > '.join(places[-4:])}")


def stack() -> list[str]:
    return [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_stack()
        if "importlib" not in frame.filename and frame.filename != __file__
    ]


def main() -> None:
    names = sys.stdin.read().split()
    os.environ.__class__ = SpiedEnviron
    threading.Thread = SpiedThread  # type: ignore[misc]
    sys.addaudithook(watch)
    for name in names:
        importlib.import_module(name)
    json.dump(done, sys.stdout)


main()
