"""Sending packs to the workers by the name of their task; no worker code is imported for it."""

import contextlib
import socket
from collections.abc import Iterator, Sequence

from celery import Celery
from celery.utils import uuid
from kombu.entity import Queue
from kombu.exceptions import KombuError
from kombu.messaging import Producer
from redis.exceptions import RedisError

from jobs import wire
from jobs.errors import BrokerError
from jobs.model import Hint

Pack = Sequence[Hint]


class Publisher:
    """The way to the broker, for one thread. It connects again by itself after a failure."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._origin = socket.gethostname()
        self._producer: Producer | None = None

    def publish(self, pool: str, packs: Sequence[Pack]) -> None:
        """Send packs to a pool's queue in one round trip.

        Raises `BrokerError` when that failed; some of them may have arrived all the same.
        """
        if not packs:
            return
        with self._translate_errors():
            producer = self._producer = self._producer or self._connect()
            queue = Queue(pool, routing_key=pool)
            with producer.batch(max_size=len(packs)):
                for pack in packs:
                    self._send(producer, queue, pack)

    def close(self) -> None:
        """Close the connection; the next message opens another."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # What is left of a broken connection may fail to close, and is gone anyway.
            with contextlib.suppress(KombuError, RedisError, OSError):
                producer.connection.release()

    def _connect(self) -> Producer:
        connection = self._app.connection_for_write()
        try:
            # Waiting between tries is the caller's.
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        except BaseException:
            connection.release()
            raise
        return Producer(connection, auto_declare=False, serializer="json")

    def _send(self, producer: Producer, queue: Queue, pack: Pack) -> None:
        # Not `send_task`: its routing and declaring take longer than all the rest, and it knows
        # only queues that were configured here, while any live pool may get work.
        message = self._app.amqp.create_task_message(
            uuid(),
            wire.TASK,
            (wire.encode_pack(pack),),
            {},
            ignore_result=True,
            argsrepr=describe(pack),
            kwargsrepr="{}",
            origin=self._origin,
        )
        # No retry of its own: inside a batch it could send a part of it twice.
        self._app.amqp.send_task_message(
            producer, wire.TASK, message, queue=queue, declare=(), retry=False
        )

    @contextlib.contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (KombuError, RedisError, OSError) as error:
            where = self._app.connection_for_write().as_uri()
            self.close()
            raise BrokerError(
                f"The broker {where} does not answer ({type(error).__name__}). "
                "Nothing is lost: start it again, or correct `broker.url`."
            ) from error


def describe(pack: Pack) -> str:
    """A pack as Flower and the logs show it."""
    first = pack[0].job_id
    return first if len(pack) == 1 else f"{first} and {len(pack) - 1} more"
