"""What the page is given: from the store, and in one voice with `nightmill status`."""

import math

import pytest

from jobs.states import JobState
from jobs.store.store import Store
from monitoring.pages.overview import overview
from nightmill.looking import look
from nightmill.monitor_process import ENDED, list_batches
from tests.monitoring.scene import ANSWER, CANARY, UP, Night, Served


def test_an_empty_store_has_an_overview_too(served: Served) -> None:
    value = served.overview()
    assert (value["schema"], value["span_s"]) == (1, 3600)
    assert (value["pools"], value["hosts"], value["batches"], value["sampled_at"]) == (
        *([], [], []),
        None,
    )


def test_a_batch_is_told_as_status_tells_it(night: Night, served: Served) -> None:
    batch_id = night.batch("tickets", 40, done=20, failed=3, running=5)
    night.speed(batch_id, 4.0, 52.0)

    (batch,) = served.overview()["batches"]

    status = look(night.store, batch_id)
    assert batch["name"] == status.name == "tickets"
    assert (batch["finished"], batch["total"]) == (status.finished, status.total) == (23, 40)
    assert (batch["succeeded"], batch["unsuccessful"]) == (20, 3)
    assert batch["running"] == status.counts[JobState.RUNNING] == 5
    assert batch["waiting"] == 12
    assert (batch["jobs_per_s"], batch["tokens_per_s"]) == (4.0, 52.0)
    assert batch["eta_s"] == status.eta_s == 17 / 4


def test_the_figures_of_a_pool_are_those_of_its_batches(night: Night, served: Served) -> None:
    night.host(slots=8)
    night.host("ollama@server", "ollama", slots=2)
    night.batch("one", 20, done=5, running=3)
    night.batch("two", 10, done=1, running=1, pool="ollama")
    night.samples({"mlx": 3, "ollama": 1})

    value = served.overview()

    pools = {pool["name"]: pool for pool in value["pools"]}
    batches = {batch["pool"]: batch for batch in value["batches"]}
    for name, slots in (("mlx", 8), ("ollama", 2)):
        assert pools[name]["slots"] == slots
        assert pools[name]["running"] == batches[name]["running"]
        assert pools[name]["waiting"] == batches[name]["waiting"]
    assert pools["mlx"]["jobs_per_s"] == 1.0
    ((_, jobs_per_s, tokens_per_s, running, waiting, follows),) = pools["mlx"]["points"]
    assert (jobs_per_s, tokens_per_s, running, waiting, follows) == (1.0, 3.0, 3.0, 12.0, False)


def test_a_pool_that_has_just_become_idle_has_no_speed(night: Night, served: Served) -> None:
    night.batch("one", 5, done=5)
    night.samples({"mlx": 0})
    (pool,) = served.overview()["pools"]
    assert (pool["jobs_per_s"], pool["tokens_per_s"]) == (0.0, 0.0)
    assert pool["points"][-1][1] == 1.0


@pytest.mark.parametrize(("span", "width"), [(900, 5), (3600, 15), (21_600, 90), (86_400, 360)])
def test_a_day_has_no_more_points_than_an_hour(
    night: Night, served: Served, span: int, width: int
) -> None:
    night.pace("mlx", 86_000, lambda _: 40.0)

    value = served.overview(span)

    assert value["width_s"] == width
    points = value["pools"][0]["points"]
    assert 175 <= len(points) <= 242
    assert points[0][0] >= value["at"] - span
    assert all(math.isclose(point[1], 40.0, rel_tol=0.01) for point in points)
    assert all(point[5] for point in points[1:])


@pytest.mark.parametrize("span", ["5", "-1", "x", "3600.0", "1e9", "9" * 5000])
def test_another_span_is_refused(served: Served, span: str) -> None:
    answer = served.get(f"/overview.json?span={span}")
    assert answer.status == 400
    assert answer.json["error"] != ""


def test_hosts_live_are_gone_or_in_trouble(night: Night, served: Served) -> None:
    for name in ("a@here", "b@here", "c@here"):
        night.host(name, slots=4)
    night.lose("b@here", 100)
    night.desk.do(
        "UPDATE hosts SET trouble = 'No room.', troubled_since = seen_at - 45 WHERE name = 'c@here'"
    )

    value = served.overview()

    well, gone, parked = value["hosts"]
    assert (well["is_alive"], well["trouble"]) == (True, None)
    assert (gone["is_alive"], 99 < gone["seen_s_ago"] < 130) == (False, True)
    assert (parked["trouble"], parked["is_out"]) == ("No room.", True)
    assert 45 <= parked["troubled_s"] < 75
    assert value["pools"][0]["slots"] == 4


def test_a_tunnel_is_told_with_what_goes_through_it(night: Night, served: Served) -> None:
    night.tunnel(UP)

    (tunnel,) = served.overview()["tunnels"]

    assert (tunnel["name"], tunnel["is_alive"], tunnel["machine"]) == ("home", True, "studio")
    assert (tunnel["report"]["state"], tunnel["report"]["server"]) == ("up", "192.168.1.20:22")
    assert [forward["rtt_ms"] for forward in tunnel["report"]["forwards"]] == [3.2, 12.0]


def test_a_host_behind_a_tunnel_that_is_down_serves_nobody(night: Night, served: Served) -> None:
    night.host(guard="studio's")
    night.tunnel(UP, guard="studio's")
    night.cut(18)

    value = served.overview()

    assert (value["hosts"][0]["is_alive"], value["hosts"][0]["cut_off_by"]) == (True, "home")
    assert value["tunnels"][0]["is_alive"] is False
    assert value["pools"][0]["slots"] == 0


def test_the_batches_that_run_come_first_by_their_turn(night: Night, served: Served) -> None:
    night.batch("done", 1, done=1)
    night.desk.finalize()
    night.batch("first in", 2)
    night.batch("urgent", 2, priority=5)
    assert [b["name"] for b in served.overview()["batches"]] == ["urgent", "first in", "done"]


def test_only_the_newest_of_the_ended_batches_are_listed(night: Night, served: Served) -> None:
    for number in range(ENDED + 5):
        night.batch(f"night {number:02}", 1, done=1)
    night.desk.finalize()
    night.batch("now", 1)
    names = [batch["name"] for batch in served.overview()["batches"]]
    assert len(names) == ENDED
    assert (names[0], names[1], "night 00" in names) == ("now", f"night {ENDED + 4}", False)


def test_why_a_batch_is_paused_is_told(night: Night, served: Served) -> None:
    batch_id = night.batch("wrong prompt", 5)
    night.desk.do("UPDATE batches SET paused_reason = 'Too many.' WHERE id = :b", b=batch_id)
    assert served.overview()["batches"][0]["paused_reason"] == "Too many."


def test_no_prompt_and_no_answer_is_in_it(night: Night, served: Served) -> None:
    night.host()
    night.batch("secrets", 5, done=2, failed=1, running=1)
    text = served.get("/overview.json").text
    assert CANARY not in text
    assert ANSWER not in text


def test_it_is_read_without_a_scan_of_jobs(night: Night) -> None:
    night.batch("one", 10, done=2, running=2)
    statements: list[str] = []
    page = overview(list_batches)
    with night.store.read() as c:
        raw = c.connection.driver_connection
        assert raw is not None
        raw.set_trace_callback(statements.append)
        page.as_json(c, {})
        raw.set_trace_callback(None)
        reads = [each for each in statements if each.lstrip().startswith("SELECT")]
        plans = [row[3] for each in reads for row in raw.execute(f"EXPLAIN QUERY PLAN {each}")]
    assert len(reads) > 5
    scanned = {plan for plan in plans if plan.startswith("SCAN ")}
    assert not {
        plan for plan in scanned if plan.split()[1] in {"jobs", "requests", "results", "attempts"}
    }
    assert not {p for p in scanned if p.split()[1] == "j" and "jobs_in_flight" not in p}


def test_a_store_on_postgres_has_the_same_overview(store: Store) -> None:
    night = Night(store)
    night.host()
    night.batch("one", 10, done=4, running=2)
    night.samples({"mlx": 2})
    page = overview(list_batches)
    with store.read() as c:
        value = page.read(c, {"span": "86400"})
    (pool,) = value.pools  # type: ignore[attr-defined]  # a page says no more than that it is one
    assert (pool.running, pool.waiting, pool.points[0].jobs_per_s) == (2, 4, 0.8)
