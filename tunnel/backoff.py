"""How long a tunnel waits before it tries again: a pure decision."""

from jobs.tunnels import Cause

#: Seconds for which a connection has to be up until earlier failures are forgotten in any case.
FORGIVEN_AFTER_S = 60.0
#: Logins in a minute up to which they are forgotten as soon as it is up: a network that comes and
#: goes costs the server little, a login that works and breaks again and again does not.
_OFTEN = 20

#: Causes that somebody has to see to: a fast loop would get this address banned.
HALTING = frozenset({Cause.AUTHENTICATION, Cause.HOST_KEY, Cause.CONFIGURATION})

#: What never reached the server costs it nothing, so this machine asks often; less so later on.
_UNREACHED_S, _LONG_UNREACHED_S, _LONG_S = 2.0, 5.0, 600.0
_FIRST_S, _LONGEST_S = 1.0, 60.0
_HALTED_S = (300.0, 900.0)
#: A login each, for what somebody has to see to on the server.
_FIRST_LOOK_S, _LONGEST_LOOK_S = 60.0, 900.0
#: Nothing has failed.
_AT_ONCE = frozenset({Cause.ASKED, Cause.SLEPT})
#: Never in a loop without a pause, whatever chance says.
_LEAST_S = 0.1


def wait_s(cause: Cause, failures: int, down_s: float, chance: float) -> float:
    """Seconds until the next try, after so many failures in a row, the first being 1.

    `down_s` is how long it has been down; `chance`, from 0 to 1, keeps many machines apart.
    """
    if cause in _AT_ONCE:
        return _LEAST_S
    if cause in HALTING:
        shortest, longest = _HALTED_S
        return shortest + (longest - shortest) * chance
    if cause is Cause.UNREACHABLE:
        most = _UNREACHED_S if down_s < _LONG_S else _LONG_UNREACHED_S
    else:
        # Nor longer than it was down already: who drew short waits is not punished for it.
        most = min(_LONGEST_S, _FIRST_S * 2.0 ** min(failures - 1, 10), _FIRST_S + down_s)
    return max(_LEAST_S, most * chance)


def look_s(looks: int) -> float:
    """Seconds until a new connection is tried for what the server forbids to the one that is used,
    after so many that were forbidden it, too.
    """
    return min(_LONGEST_LOOK_S, _FIRST_LOOK_S * 2.0 ** min(looks, 10))


def failures_after(failures: int, up_s: float | None, logins_in_a_minute: int) -> int:
    """Failures in a row, counting this one, when a connection has ended that was up for so long.

    `up_s` is None where it never was.
    """
    is_forgiven = up_s is not None and (up_s >= FORGIVEN_AFTER_S or logins_in_a_minute <= _OFTEN)
    return 1 if is_forgiven else failures + 1
