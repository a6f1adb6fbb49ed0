import pytest

from producer.rate import Rate
from producer.window import Progress, pack_size, window_size


@pytest.mark.parametrize(
    ("slots", "jobs_per_s", "window"),
    [
        (32, 0.0, 33),  # nothing known: the slots, and one job ahead
        (32, 0.2, 33),  # a 70B model
        (32, 150.0, 332),  # the demo model
        (32, 5000.0, 10_032),  # no model at all
        (1, 0.01, 2),
    ],
)
def test_the_window_is_the_slots_and_two_seconds_of_work(
    slots: int, jobs_per_s: float, window: int
) -> None:
    assert window_size(slots, jobs_per_s) == window


@pytest.mark.parametrize(
    ("slots", "jobs_per_s", "size"),
    [
        (32, 0.0, 1),  # nothing known
        (32, 0.2, 1),
        (32, 15.9, 1),  # each job takes two seconds
        (32, 16.1, 16),
        (32, 150.0, 16),
        (1, 0.4, 1),
        (1, 3.0, 6),  # one after the other: six take two seconds
    ],
)
def test_jobs_share_a_message_when_their_pack_takes_under_two_seconds(
    slots: int, jobs_per_s: float, size: int
) -> None:
    assert pack_size(slots, jobs_per_s) == size


def test_packs_can_be_kept_smaller() -> None:
    assert pack_size(32, 5000.0, most=1) == 1


def test_a_rate_is_right_from_its_first_measurement() -> None:
    assert Rate(memory_s=5.0).updated(33, 0.05).per_s == pytest.approx(660)


def test_a_rate_forgets_what_is_long_past() -> None:
    rate = Rate(memory_s=5.0).updated(1000, 1.0)

    for _ in range(60):
        rate = rate.updated(1, 1.0)

    assert rate.per_s == pytest.approx(1.0, rel=0.05)


def test_what_left_the_window_has_finished() -> None:
    progress = Progress(in_flight=0, seen_at=0.0).handed(33)

    assert progress.seen(23, 2.0).rate.per_s == pytest.approx(5.0)


def test_jobs_taken_back_do_not_count_as_finished() -> None:
    progress = Progress(in_flight=33, seen_at=0.0).handed(-33)

    assert progress.seen(0, 2.0).rate.per_s == 0


def test_a_pool_without_work_keeps_the_rate_it_had() -> None:
    busy = Progress(in_flight=10, seen_at=0.0).seen(0, 1.0)

    idle = busy.seen(0, 3600.0)

    assert idle.rate == busy.rate


@pytest.mark.parametrize("jobs_per_s", [0.2, 150, 5000])
def test_the_window_finds_the_speed_of_a_pool_within_a_second_of_steps(jobs_per_s: float) -> None:
    slots, step_s = 32, 0.05
    progress = Progress(in_flight=0, seen_at=0.0)
    debt = 0.0

    for step in range(1, 21):
        progress = progress.handed(window_size(slots, progress.rate.per_s) - progress.in_flight)
        debt += jobs_per_s * step_s
        done = min(progress.in_flight, int(debt))
        debt -= done
        progress = progress.seen(progress.in_flight - done, step * step_s)

    assert window_size(slots, progress.rate.per_s) == pytest.approx(
        window_size(slots, jobs_per_s), rel=0.6
    )
