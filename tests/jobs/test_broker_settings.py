from celery.app.defaults import DEFAULTS

from jobs import broker, wire

URL = "redis://localhost:6399/0"
POOLS = ("mlx", "fake")


def test_only_json_is_accepted_and_sent() -> None:
    conf = broker.celery_app(URL, POOLS).conf
    assert list(conf.accept_content) == ["json"]
    assert (conf.task_serializer, conf.event_serializer) == ("json", "json")


def test_there_is_no_result_backend() -> None:
    app = broker.celery_app(URL, POOLS)
    assert type(app.backend).__name__ == "DisabledBackend"
    assert app.conf.task_ignore_result


def test_every_key_carries_the_version_of_the_protocol() -> None:
    options = broker.celery_app(URL, POOLS).conf.broker_transport_options
    assert options["global_keyprefix"] == f"nightmill:{wire.PROTOCOL}:"


def test_each_pool_is_one_queue_and_there_is_no_other() -> None:
    app = broker.celery_app(URL, POOLS)
    assert {queue.name: queue.routing_key for queue in app.conf.task_queues} == {
        "mlx": "mlx",
        "fake": "fake",
    }
    assert not app.conf.task_create_missing_queues
    assert "celery" not in app.amqp.queues


def test_every_option_is_one_that_celery_knows() -> None:
    assert broker.settings(URL, POOLS).keys() <= DEFAULTS.keys()


def test_a_message_is_acknowledged_late_and_waits_longer_than_any_pack() -> None:
    conf = broker.celery_app(URL, POOLS).conf
    assert conf.task_acks_late
    assert conf.broker_transport_options["visibility_timeout"] == broker.VISIBILITY_TIMEOUT_S


def test_events_are_sent_while_a_task_runs_but_none_when_it_is_published() -> None:
    conf = broker.celery_app(URL, POOLS).conf
    assert conf.worker_send_task_events
    assert not conf.task_send_sent_event


def test_making_an_application_connects_to_nothing_and_is_not_current() -> None:
    from celery import current_app

    app = broker.celery_app("redis://192.0.2.1:1/0", POOLS)
    assert app.main == "nightmill"
    assert current_app.main != "nightmill"
