"""Each way tells the id and the counts of a batch, and says why it could not."""

import json
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from jobs.model import Counts
from jobs.store.notices import Event
from nightmill.notifying.command import Command
from nightmill.notifying.desktop import can_show, words_for
from nightmill.notifying.message import Message, NotSentError, message_of
from nightmill.notifying.webhook import Webhook

COUNTS = Counts(succeeded=298, failed=2)
MESSAGE = message_of(Event.COMPLETED, "b-1", COUNTS)
TOLD = {
    "schema": 1,
    "event": "completed",
    "batch": "b-1",
    "succeeded": 298,
    "failed": 2,
    "cancelled": 0,
    "expired": 0,
    "unfinished": 0,
}


class Receiver(HTTPServer):
    """Keeps what is posted to it; answers as it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.status = 204
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Answering(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", self.server.url + "/elsewhere")
        self.end_headers()

    do_GET = do_POST  # noqa: N815  (the name is the library's)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_webhook_gets_the_id_and_the_counts_and_the_key(receiver: Receiver) -> None:
    Webhook(receiver.url, "s3cret").send(MESSAGE)

    ((path, headers, body),) = receiver.got
    assert (path, json.loads(body)) == ("/hook", TOLD)
    assert headers["Authorization"] == "Bearer s3cret"


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_webhook_that_answers_anything_else_was_not_told_and_is_not_followed(
    receiver: Receiver, status: int
) -> None:
    receiver.status = status

    with pytest.raises(NotSentError, match=f"answered with {status}"):
        Webhook(receiver.url, None).send(MESSAGE)

    assert len(receiver.got) == 1


def test_a_webhook_goes_through_no_proxy(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

    Webhook(receiver.url, None).send(MESSAGE)

    assert len(receiver.got) == 1


def test_a_webhook_where_nobody_listens_was_not_told() -> None:
    with pytest.raises(NotSentError, match="does not answer"):
        Webhook("http://127.0.0.1:1/", "s3cret").send(MESSAGE)


def test_a_command_gets_the_same_on_its_standard_input(tmp_path: Path) -> None:
    script = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"

    Command([sys.executable, "-c", script, str(tmp_path / "told")]).send(MESSAGE)

    assert json.loads((tmp_path / "told").read_text()) == TOLD


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["/nowhere/to/be/found"], "does not start: No such file"),
        ([sys.executable, "-c", "raise SystemExit(3)"], "ended with 3"),
        ([shutil.which("sleep") or "sleep", "60"], "took longer than 0.2 s"),
    ],
)
def test_a_command_that_fails_says_why(words: list[str], why: str) -> None:
    with pytest.raises(NotSentError, match=why):
        Command(words, timeout_s=0.2 if "sleep" in words[0] else 30).send(MESSAGE)


def test_a_desktop_is_told_by_arguments_never_by_a_script() -> None:
    text = message_of(Event.PAUSED, 'b-1" & beep', Counts(pending=7)).as_text()

    for platform in ("darwin", "linux"):
        assert words_for(text, platform).count(text) == 1


def test_a_machine_without_such_a_program_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert not can_show("linux")


@pytest.mark.parametrize(
    ("counts", "event", "text"),
    [
        (COUNTS, Event.COMPLETED, "b-1 completed: 298 succeeded, 2 failed"),
        (Counts(failed=3), Event.FAILED, "b-1 failed: 3 failed"),
        (Counts(), Event.COMPLETED, "b-1 completed: no rows"),
    ],
)
def test_a_batch_without_any_answer_has_failed(counts: Counts, event: Event, text: str) -> None:
    message = message_of(Event.COMPLETED, "b-1", counts)

    assert (message.event, message.as_text()) == (event, text)
    assert isinstance(message, Message)
