"""A batch on two machines with a tunnel between them comes out whole, whatever happens to it."""

import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.mill import read_rows
from tests.integration.two_machines.network import ADDRESSES
from tests.integration.two_machines.troubles import TROUBLES
from tests.integration.two_machines.world import PRIVATE_PORTS, World

#: Printed with a failure, so that the same moments can be tried again.
SEED = 20261124
JOBS = 2000
MODELS = {"mlx": "demo", "ollama": "llama3.2:3b"}
#: From the end of a trouble until every forward has answered again.
BACK_WITHIN_S = 10.0


def write_batch(path: Path, rng: random.Random) -> dict[str, str]:
    """A file with as many jobs for each model, mixed; the prompts of each pool's jobs by id."""
    pools = [pool for pool in MODELS for _ in range(JOBS // len(MODELS))]
    rng.shuffle(pools)
    pool_of = {f"row-{number}": pool for number, pool in enumerate(pools)}
    lines = (
        json.dumps(
            {
                "custom_id": custom_id,
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {
                    "model": MODELS[pool],
                    "max_tokens": 8,
                    "messages": [{"role": "user", "content": f"Ticket {custom_id}: it is late."}],
                },
            }
        )
        for custom_id, pool in pool_of.items()
    )
    path.write_text("".join(f"{line}\n" for line in lines))
    return pool_of


def moments(rng: random.Random) -> list[int]:
    """How many jobs the Mac has done when each of the troubles comes."""
    share = JOBS // len(MODELS)
    slice_ = share // (len(TROUBLES) + 1)
    return [
        slice_ * number + rng.randrange(slice_ // 4, slice_ * 3 // 4)
        for number in range(len(TROUBLES))
    ]


@pytest.mark.long
def test_a_batch_on_two_machines_survives_cuts_restarts_and_sleep(world: World) -> None:
    rng = random.Random(SEED)
    pool_of = write_batch(world.mac.home / "batch.jsonl", rng)
    config = ("--config", str(world.mac.config), "--json")
    submitted = world.mac.run("submit", str(world.mac.home / "batch.jsonl"), *config)
    assert submitted.returncode == 0, submitted.stderr
    batch = json.loads(submitted.stdout)["id"]

    back_s: dict[str, float] = {}
    for moment, trouble in zip(moments(rng), TROUBLES, strict=True):
        world.until(lambda m=moment: world.done("mlx") >= m, f"{moment} jobs of the Mac", 120)
        trouble.happen(world, rng)
        began = time.monotonic()
        world.until(
            lambda since=began: world.has_answered_since(since),
            f"the tunnel to be back after: {trouble.name}",
            60,
        )
        back_s[trouble.name] = time.monotonic() - began
        world.until(world.server_knows_it_up, "the server to know it", 30)
    done_before_the_end = world.done("mlx")
    world.until(lambda: world.done("mlx") + world.done("ollama") >= JOBS, "all jobs", 300)

    measured = {"seed": SEED, "back_s": back_s, **world.measured}
    print(json.dumps(measured))  # noqa: T201  (for who asks: -s)
    assert max(back_s.values()) <= BACK_WITHIN_S, back_s
    assert moments(random.Random(SEED))[0] < done_before_the_end < world.done("mlx")
    assert_every_job_was_done_once(world, batch, pool_of)
    assert_nothing_that_the_mac_generated_was_thrown_away(world, pool_of)


def assert_every_job_was_done_once(world: World, batch: str, pool_of: dict[str, str]) -> None:
    config = ("--config", str(world.mac.config))
    out = world.mac.home / "out.jsonl"
    done = world.mac.run("results", batch, "-o", str(out), *config)
    assert done.returncode == 0, done.stderr
    assert [row["custom_id"] for row in read_rows(out)] == list(pool_of)
    assert all(row["error"] is None for row in read_rows(out))
    jobs = world.ask("SELECT custom_id, pool, state FROM jobs")
    assert {job.custom_id: job.pool for job in jobs} == pool_of
    assert Counter(job.state for job in jobs) == {"succeeded": JOBS}
    assert world.ask("SELECT count(*) FROM results")[0][0] == JOBS
    assert (
        world.ask(
            "SELECT job_id FROM attempts WHERE outcome = 'succeeded' GROUP BY job_id"
            " HAVING count(*) > 1"
        )
        == []
    )


def assert_nothing_that_the_mac_generated_was_thrown_away(
    world: World, pool_of: dict[str, str]
) -> None:
    macs = {f"Ticket {i}: it is late." for i, pool in pool_of.items() if pool == "mlx"}
    assert world.generated() == Counter(macs)
    refused = "SELECT job_id FROM attempts WHERE pool = 'mlx' AND outcome <> 'succeeded'"
    assert world.ask(refused) == []


@pytest.mark.long
def test_of_the_server_only_ssh_can_be_reached(world: World) -> None:
    assert all(world.server.can_reach("127.0.0.1", port) for port in PRIVATE_PORTS)

    reached = [port for port in PRIVATE_PORTS if world.mac.can_reach(ADDRESSES["server"], port)]

    assert reached == []
    assert world.mac.can_reach(ADDRESSES["server"], 22)
