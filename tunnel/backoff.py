"""How long a tunnel waits before it tries again: a pure decision."""

from jobs.tunnels import Cause

#: Seconds for which a connection has to be up until its earlier failures are forgotten.
FORGIVEN_AFTER_S = 60.0

#: Causes that somebody has to see to: a fast loop would get this address banned.
HALTING = frozenset({Cause.AUTHENTICATION, Cause.HOST_KEY, Cause.CONFIGURATION})

#: What never reached the server costs it nothing, so this machine asks often; less so later on.
_UNREACHED_S, _LONG_UNREACHED_S, _LONG_S = 2.0, 5.0, 600.0
_FIRST_S, _LONGEST_S = 1.0, 60.0
_HALTED_S = (300.0, 900.0)
#: Never in a loop without a pause, whatever chance says.
_LEAST_S = 0.1


def wait_s(cause: Cause, failures: int, down_s: float, chance: float) -> float:
    """Seconds until the next try, after so many failures in a row, the first being 1.

    `down_s` is how long it has been down; `chance`, from 0 to 1, keeps many machines apart.
    """
    if cause in HALTING:
        shortest, longest = _HALTED_S
        return shortest + (longest - shortest) * chance
    if cause is Cause.UNREACHABLE:
        most = _UNREACHED_S if down_s < _LONG_S else _LONG_UNREACHED_S
    else:
        most = min(_LONGEST_S, _FIRST_S * 2.0 ** min(failures - 1, 10))
    return max(_LEAST_S, most * chance)
