"""The Celery application that dispatcher and workers share: one queue a pool, JSON only.

Correctness never rests on the broker: a message is a hint, and the store decides. The settings
below keep the broker from adding trouble of its own; each says what it is for.
"""

from typing import Any

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from jobs import wire
from jobs.errors import BrokerError

#: Longer than a pack may take before its task returns; a redelivery is harmless but useless work.
VISIBILITY_TIMEOUT_S = 7200


def celery_app(broker_url: str, pools: tuple[str, ...]) -> Celery:
    """A Celery application with one explicit queue for each pool and no result backend."""
    app = Celery("nightmill", set_as_current=False)
    app.conf.update(settings(broker_url, pools))
    return app


def waiting_messages(app: Celery, pool: str) -> int:
    """How many messages of a pool wait in the broker; raises `BrokerError` where it is away."""
    try:
        with app.connection_for_read() as connection:
            # The channel's client puts our prefix before the name of the queue.
            return int(connection.default_channel.client.llen(pool))
    except (KombuError, RedisError, OSError) as error:
        raise BrokerError(f"The broker does not answer ({type(error).__name__}).") from error


def settings(broker_url: str, pools: tuple[str, ...]) -> dict[str, Any]:
    """Celery's configuration, reasoned line by line."""
    return {
        "broker_url": broker_url,
        # Results go to the store in the fenced transaction, nowhere else.
        "result_backend": None,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        # No pickle across a trust boundary.
        "task_serializer": "json",
        "event_serializer": "json",
        "accept_content": ["json"],
        # A message for a pool that nobody configured is an error, not a new queue.
        "task_queues": [Queue(pool, routing_key=pool) for pool in pools],
        "task_create_missing_queues": False,
        # A message is acknowledged after its jobs are recorded. What a dead worker held comes
        # back through the store long before the visibility timeout brings the message back.
        "task_acks_late": True,
        "task_acks_on_failure": True,
        "task_acks_on_timeout": True,
        "task_reject_on_worker_lost": False,
        "task_retry_on_worker_lost": False,
        "worker_prefetch_multiplier": 1,
        # Its paused BRPOP may hold a popped message for as long as a job runs.
        "worker_disable_prefetch": False,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            # Without it a publish on a dead socket waits for ever.
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "health_check_interval": 10,
            # An idle worker cannot stop before the BRPOP that it waits in has come back.
            "polling_interval": 0.2,
            # Producer.batch needs it off; a lost publish is found by the dispatcher.
            "retry_on_timeout": False,
            "global_keyprefix": wire.KEY_PREFIX,
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_pool_acquire_timeout": 10,
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0},
        # A generation of twenty minutes survives a blip of Redis; the fence guards its result.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # For Flower. Sent events would double the traffic and say nothing new.
        "worker_send_task_events": True,
        "task_send_sent_event": False,
        "event_queue_ttl": 5,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "timezone": "UTC",
    }
