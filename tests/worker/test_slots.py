import asyncio
import math

import pytest

from worker.slots import Slots, SlotsClosedError


def slots_are_left(slots: Slots) -> bool:
    return slots._free > 0


async def settle() -> None:
    """Let everything that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_as_many_are_taken_as_are_wanted_and_free() -> None:
    async def scene() -> None:
        slots = Slots(4)
        assert await slots.take(3) == 3
        assert await slots.take(3) == 1
        assert not slots_are_left(slots)

    asyncio.run(scene())


def test_who_waits_gets_slots_in_the_order_of_asking() -> None:
    async def scene() -> None:
        slots = Slots(2)
        await slots.take(2)
        first = asyncio.create_task(slots.take(5))
        second = asyncio.create_task(slots.take(5))
        await settle()

        slots.free(1)
        await settle()
        assert (first.done(), second.done()) == (True, False)
        slots.free(1)
        assert (await first, await second) == (1, 1)

    asyncio.run(scene())


def test_nobody_overtakes_those_who_wait() -> None:
    async def scene() -> None:
        slots = Slots(1)
        await slots.take(1)
        waiting = asyncio.create_task(slots.take(1))
        await settle()
        slots.free(1)

        late = asyncio.create_task(slots.take(1))
        await settle()

        assert waiting.done()
        assert not late.done()
        late.cancel()

    asyncio.run(scene())


def test_one_who_stops_waiting_takes_no_slot_along() -> None:
    async def scene() -> None:
        slots = Slots(1)
        await slots.take(1)
        gone = asyncio.create_task(slots.take(1))
        await settle()
        gone.cancel()
        await settle()

        slots.free(1)

        assert await slots.take(1) == 1

    asyncio.run(scene())


def test_one_cancelled_in_the_moment_of_the_grant_gives_it_back() -> None:
    async def scene() -> None:
        slots = Slots(1)
        await slots.take(1)
        gone = asyncio.create_task(slots.take(1))
        await settle()

        slots.free(1)
        gone.cancel()
        await settle()

        assert slots_are_left(slots)

    asyncio.run(scene())


def test_a_parked_host_gives_nothing_out_until_its_time_is_over() -> None:
    async def scene() -> None:
        slots = Slots(2)
        slots.park(0.05)
        asked = asyncio.get_running_loop().time()

        await slots.take(1)

        assert asyncio.get_running_loop().time() - asked >= 0.05
        assert await slots.take(1) == 1

    asyncio.run(scene())


def test_a_host_parked_for_good_stays_parked_whatever_comes_after() -> None:
    async def scene() -> None:
        slots = Slots(2)
        slots.park(math.inf)
        slots.park(0.0)
        waiting = asyncio.create_task(slots.take(1))
        await settle()

        assert not waiting.done()
        slots.close()
        with pytest.raises(SlotsClosedError):
            await waiting

    asyncio.run(scene())


def test_who_wants_all_waits_until_nobody_has_or_wants_any() -> None:
    async def scene() -> None:
        slots = Slots(2)
        await slots.take(1)
        whole = asyncio.create_task(slots.take_all())
        await settle()
        assert await slots.take(1) == 1
        later = asyncio.create_task(slots.take(1))
        await settle()
        slots.free(1)
        await settle()
        assert (whole.done(), later.done()) == (False, True)

        slots.free(2)

        assert await whole == 2
        assert not slots.are_free

    asyncio.run(scene())


def test_who_has_all_keeps_everybody_waiting() -> None:
    async def scene() -> None:
        slots = Slots(2)
        assert await slots.take_all() == 2
        second = asyncio.create_task(slots.take_all())
        other = asyncio.create_task(slots.take(5))
        await settle()
        assert (second.done(), other.done()) == (False, False)

        slots.free(2)

        assert await other == 2
        slots.free(2)
        assert await second == 2

    asyncio.run(scene())


def test_who_stops_waiting_for_all_takes_no_slot_along() -> None:
    async def scene() -> None:
        slots = Slots(2)
        await slots.take(1)
        gone = asyncio.create_task(slots.take_all())
        await settle()
        slots.free(1)
        gone.cancel()
        await settle()

        assert await slots.take(2) == 2

    asyncio.run(scene())


def test_closing_ends_all_waiting_and_refuses_all_asking() -> None:
    async def scene() -> None:
        slots = Slots(1)
        await slots.take(1)
        waiting = asyncio.create_task(slots.take(1))
        for_all = asyncio.create_task(slots.take_all())
        await settle()

        slots.close()

        for asking in (waiting, for_all, slots.take(1), slots.take_all()):
            with pytest.raises(SlotsClosedError):
                await asking

    asyncio.run(scene())
