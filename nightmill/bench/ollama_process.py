"""Something that answers like an Ollama, at once and always the same. Started by the ollama bench.

It has no model and no queue: what is measured is the way there and back. It prints its port.
"""

import argparse
import asyncio

from nightmill.embedded.lifeline import end_with_parent

MODEL = "bench:latest"
#: Tokens of every answer: a sentence or two.
TOKENS = 32

_TAG = f'"name":"{MODEL}","size":1,"digest":"1","details":{{"family":"bench"}}'.encode()
_ANSWERS = {
    b"/api/version": b'{"version":"0.33.0"}',
    b"/api/status": b'{"cloud":{"disabled":true}}',
    b"/api/tags": b'{"models":[{%s}]}' % _TAG,
    b"/api/ps": b'{"models":[{%s,"context_length":4096}]}' % _TAG,
    b"/api/show": b'{"capabilities":["completion"],"model_info":{"bench.context_length":4096}}',
}
_LOADED = b'{"model":"%s","done":true,"done_reason":"load"}' % MODEL.encode()
_LINE = (
    b'{"model":"%s","created_at":"2026-11-21T00:00:00.000000000Z","message":{"role":"assistant",'
    b'"content":" word"},"done":false}\n'
) % MODEL.encode()
_LAST = (
    b'{"model":"%s","created_at":"2026-11-21T00:00:00.000000000Z","message":{"role":"assistant",'
    b'"content":""},"done":true,"done_reason":"stop","total_duration":1,"load_duration":1,'
    b'"prompt_eval_count":20,"prompt_eval_duration":1,"eval_count":%d,"eval_duration":1}\n'
) % (MODEL.encode(), TOKENS)


def _chunk(line: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(line), line)


_STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    + _chunk(_LINE) * TOKENS
    + _chunk(_LAST)
    + b"0\r\n\r\n"
)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_length(head))
            writer.write(_answer_to(head.split(b" ", 2)[1], body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _answer_to(path: bytes, body: bytes) -> bytes:
    if path != b"/api/chat":
        return _whole(_ANSWERS[path])
    return _whole(_LOADED) if b'"messages":[]' in body else _STREAM


def _length(head: bytes) -> int:
    _, _, after = head.lower().partition(b"content-length:")
    return int(after.partition(b"\r\n")[0] or 0)


def _whole(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


async def _serve() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  (how its parent learns it)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve until the parent is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lifeline-fd", type=int, required=True)
    end_with_parent(parser.parse_args().lifeline_fd)
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
