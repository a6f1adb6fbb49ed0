"""Flower beside a real worker: it sees packs, pools, models and tokens, and no text of anybody."""

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import redis

from jobs.store.store import Store
from tests.monitoring.scene import Served, Working
from tests.waiting import eventually
from tests.worker.world import ask

TABLE = {
    "draw": 1,
    "start": 0,
    "length": 100,
    "search[value]": "",
    "order[0][column]": 0,
    "order[0][dir]": "desc",
    "columns[0][data]": "received",
}


def tasks(served: Served) -> list[dict[str, Any]]:
    """The rows of Flower's page of tasks, as its script asks for them."""
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    answer = served.get("/tasks/datatable", method="POST", body=urlencode(TABLE), **form)
    assert answer.status == 200
    rows: list[dict[str, Any]] = answer.json["data"]
    return rows


def finished(served: Served) -> list[dict[str, Any]]:
    return [task for task in tasks(served) if task["state"] == "SUCCESS"]


def test_flower_shows_the_tasks_with_pool_model_and_tokens(work: Callable[..., Working]) -> None:
    working = work(jobs=8, delay_s=0.02)
    served = working.served
    eventually(working.is_done, "the end of the batch")
    done = eventually(lambda: finished(served), "the events")

    assert done[0]["worker"] == "fake@here"
    for part in ("'pool': 'fake'", "'model': 'fake'", "'output_tokens': "):
        assert part in done[0]["result"]
    assert (done[0]["args"], done[0]["kwargs"]) == ("ids of jobs", "{}")
    page = served.get(f"/task/{done[0]['uuid']}").text
    assert "ids of jobs" in page
    workers = served.get("/workers?json=1").json["data"]
    assert [worker["hostname"] for worker in workers] == ["fake@here"]


def test_a_canary_is_in_no_page_no_key_and_no_log(
    work: Callable[..., Working], sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    working = work(jobs=40, delay_s=0.05)
    served = working.served
    eventually(lambda: served.overview()["batches"][0]["finished"], "the first answers")
    kept = everything(working.broker_url)
    eventually(working.is_done, "the end of the batch")
    done = eventually(lambda: finished(served), "the events")
    paths = [
        *("/", "/overview", "/overview.json?span=900", "/workers", "/workers?json=1&refresh=1"),
        *("/tasks", "/broker", "/metrics", "/healthcheck", "/worker/fake@here"),
        *("/api/tasks", "/api/workers", "/api/queues/length", "/api/task/types"),
        *(f"/task/{task['uuid']}" for task in done),
        *(f"/api/task/info/{task['uuid']}" for task in done),
        *(f"/api/task/result/{task['uuid']}" for task in done),
    ]
    said = [served.get(path).text for path in paths] + [str(tasks(served))]

    assert len(ask(sqlite_store, "SELECT 1 FROM results WHERE text LIKE 'canary%'")) == 40
    for text in (*said, kept, everything(working.broker_url), working.worker.log, caplog.text):
        assert "canary" not in text


def test_what_the_charts_show_adds_up_to_what_was_done(work: Callable[..., Working]) -> None:
    working = work(jobs=60, delay_s=0.1)
    served = working.served
    eventually(working.is_done, "the end of the batch")

    def sampled() -> list[Any]:
        with served.store.read() as c:
            return list(c.exec_driver_sql("SELECT sum(jobs), sum(output_tokens) FROM samples"))

    eventually(lambda: sampled()[0][0] == 60, "the last sample")
    assert sampled()[0][1] == 60 * 4


def everything(broker_url: str) -> str:
    """All that the broker holds, under whatever key."""
    with redis.Redis.from_url(broker_url.replace("redis+socket", "unix")) as client:
        return "\n".join(str(client.dump(key)) for key in client.keys("*"))
