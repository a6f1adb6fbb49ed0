"""What changes between two lists of forwards, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.endpoints import Endpoint
from jobs.settings_tunnel import TunnelSettings
from tunnel.forward import Change, Forward, forwards_of, plan

FORWARDS = st.builds(
    Forward,
    st.sampled_from(["local", "remote"]),
    st.builds(Endpoint, st.just("127.0.0.1"), st.integers(1, 5)),
    st.builds(Endpoint, st.just("127.0.0.1"), st.integers(1, 5)),
    st.sampled_from(["redis", "http"]),
)
SOME = st.lists(FORWARDS)


def test_forwards_are_those_of_the_settings_in_their_order() -> None:
    settings = TunnelSettings.model_validate(
        {
            "servers": ["server"],
            "local": [{"listen": "127.0.0.1:16379", "to": "localhost:6379"}],
            "remote": [{"listen": "/run/mill.sock", "to": "127.0.0.1:8080"}],
        }
    )

    assert [(*each[:1], *map(str, each[1:3]), each.probe) for each in forwards_of(settings)] == [
        ("local", "127.0.0.1:16379", "127.0.0.1:6379", "redis"),
        ("remote", "/run/mill.sock", "127.0.0.1:8080", "http"),
    ]


@given(SOME)
def test_nothing_changes_where_all_is_as_wanted(forwards: list[Forward]) -> None:
    assert plan(forwards, forwards) == Change((), ())


@given(SOME, SOME)
def test_a_change_makes_what_is_there_what_is_wanted(
    wanted: list[Forward], actual: list[Forward]
) -> None:
    change = plan(wanted, actual)

    assert {*actual} - {*change.close} | {*change.open} == {*wanted}
    assert not {*change.close} & {*wanted}
    assert not {*change.open} & {*actual}
