"""Celery's consumer, mended where a message or a lost connection would end the whole worker."""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker import consumer

log = logging.getLogger(__name__)

#: What reading a message raises when a part is missing or of another kind.
_UNREADABLE = (AttributeError, LookupError, TypeError, ValueError)


class Consumer(consumer.Consumer):  # type: ignore[misc]  # Celery ships no types
    """Drops what is no task, once, and outlives its connection."""

    def create_task_handler(self, *args: Any) -> Callable[[Any], None]:
        """What is called with each message.

        Celery takes an unreadable one for an error of the connection: it puts the message back,
        connects again, and reads the same message again.
        """
        take = super().create_task_handler(*args)

        def take_or_drop(message: Any) -> None:
            try:
                take(message)
            except _UNREADABLE as error:
                log.warning(
                    "A message that is no task was dropped (%s).",
                    type(error).__name__,
                    extra={"action": "bad_message"},
                )
                message.reject_log_error(log, self.connection_errors)

        return take_or_drop

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Let what was received go on, without putting its messages back.

        kombu would try that on the connection that is lost, and fail in a way that Celery takes
        for fatal.
        """
        if self.task_consumer is not None:
            self.task_consumer.channel.do_restore = False
        super().on_connection_error_after_connected(exc)

    def call_soon_ack(self, acknowledge: Callable[..., None], *args: Any) -> Any:
        """Acknowledge; a message of a lost connection needs none, being but a hint."""

        def acknowledge_if_connected(*given: Any) -> None:
            try:
                acknowledge(*given)
            except AttributeError:
                # All that kombu says of a channel whose connection was closed.
                log.debug("A message was not acknowledged.", extra={"action": "ack_failed"})

        return super().call_soon_ack(acknowledge_if_connected, *args)
