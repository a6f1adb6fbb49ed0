import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.broker import celery_app
from jobs.store.store import Store
from nightmill.embedded.servers import best_kind
from producer.dispatcher import Dispatcher
from producer.publisher import Publisher
from tests.producer.dispatch.scene import POOL, Broker, Clock, Outbox, Work


@pytest.fixture
def work(store: Store) -> Work:
    return Work(store)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dispatcher(store: Store, outbox: Outbox, clock: Clock) -> Dispatcher:
    return Dispatcher(store, outbox, clock)  # type: ignore[arg-type]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Where a Unix socket's path has room."""
    folder = Path(tempfile.mkdtemp(prefix="nm-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def broker(short_folder: Path) -> Iterator[Broker]:
    """The best broker there is on this machine, running."""
    broker = Broker(short_folder, best_kind())
    broker.start()
    yield broker
    broker.close()


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    publisher = Publisher(celery_app(broker.url, (POOL,)))
    yield publisher
    publisher.close()
