import os
import threading
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.mlx.frames import (
    Cancel,
    Crashed,
    Finished,
    FrameBuffer,
    FrameWriter,
    Generate,
    Load,
    Loaded,
    NotLoaded,
    Refused,
    Report,
    ToChild,
    ToFront,
    decode_to_child,
    decode_to_front,
    encode,
    read_bodies,
)
from jobs.codes import ErrorCode
from tests.backends.asking import ask

TO_CHILD: list[ToChild] = [
    Load("org/name", "/models/org/name", 4096, 32),
    Generate(1, ask("hello \0 ☃", "name", stop=("\n",), seed=3)),
    Cancel(1),
]
TO_FRONT: list[ToFront] = [
    Loaded("name"),
    NotLoaded("ValueError: no", is_lasting=True),
    Report(((1, 5),), (Finished(2, "text", None, "stop", 3, 4),), (7,)),
    Report(),
    Refused(3, ErrorCode.PROMPT_TOO_LONG, "too long"),
    Crashed((1, 2), "RuntimeError: no"),
]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


@given(st.lists(st.integers(1, 9), max_size=20))
def test_frames_arrive_whole_however_they_are_cut(cuts: list[int]) -> None:
    stream = b"".join(map(encode, TO_FRONT))
    bodies: list[bytes] = []
    buffer, at = FrameBuffer(), 0
    for cut in [*cuts, len(stream)]:
        bodies += buffer.feed(stream[at : at + cut])
        at += cut
    assert [decode_to_front(body) for body in bodies] == TO_FRONT


def test_what_the_front_says_arrives_in_the_child() -> None:
    bodies = FrameBuffer().feed(b"".join(map(encode, TO_CHILD)))
    assert [decode_to_child(body) for body in bodies] == TO_CHILD


def test_each_side_only_understands_the_other() -> None:
    [body] = FrameBuffer().feed(encode(Loaded("name")))
    with pytest.raises(msgspec.ValidationError):
        decode_to_child(body)


def test_a_length_beyond_reason_is_no_frame() -> None:
    with pytest.raises(ValueError, match="at most"):
        list(FrameBuffer().feed(b"a stray print"))


def test_threads_do_not_cut_each_others_frames(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = FrameWriter(writing)
    # Beyond what a pipe takes in one write.
    message = Refused(1, ErrorCode.REFUSED, "x" * 200_000)

    def write() -> None:
        for _ in range(5):
            writer.send(message)

    def close_after(threads: list[threading.Thread]) -> None:
        for thread in threads:
            thread.join()
        os.close(writing)

    threads = [threading.Thread(target=write) for _ in range(3)]
    closer = threading.Thread(target=close_after, args=(threads,))
    for thread in (*threads, closer):
        thread.start()
    assert [decode_to_front(body) for body in read_bodies(reading)] == [message] * 15
    closer.join()
