"""What ends a command or a step, by what the caller can do about it.

NightmillError
├── UsageError            wrong use, or it could not start           exit status 2
│   ├── SettingsError     faults of the configuration, all of them
│   ├── InputError        the whole input is of no use
│   └── NoModelError      nobody has the model
├── StoppedEarlyError     stopped, can be resumed                    exit status 3
│   ├── StoreError        the store does not answer or cannot write
│   │   ├── NoStoreError       there is none, or something else in its place
│   │   └── OtherVersionError  it was made by a newer or an older program
│   ├── BrokerError       the broker does not answer or does not start
│   └── PausedError       the batch is paused until somebody has looked at it
└── RowError              one line of the input; the others go on
"""

from collections.abc import Sequence

from jobs.codes import ErrorCode


class NightmillError(Exception):
    """Something the user should read. The message says what is wrong and then what to do."""


class UsageError(NightmillError):
    """The command cannot be carried out as given: exit status 2."""


class SettingsError(UsageError):
    """The configuration has faults: `faults` lists all of them, one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class InputError(UsageError):
    """The input as a whole is of no use: missing, empty, or without one usable line."""


class NoModelError(UsageError):
    """No pool has the model asked for, or there is no model at all."""


class StoppedEarlyError(NightmillError):
    """Work stopped before its end and can be resumed by the same command: exit status 3."""


class StoreError(StoppedEarlyError):
    """The store does not answer, is of another version, or cannot write."""


class NoStoreError(StoreError):
    """There is no store at its place, or something that is none of ours."""


class OtherVersionError(StoreError):
    """The store is of another version than this program, which must not write to it."""


class BrokerError(StoppedEarlyError):
    """The broker does not answer or could not be started."""


class PausedError(StoppedEarlyError):
    """The batch is paused, most likely because too many of its rows failed."""


class RowError(NightmillError):
    """One line of the input cannot run; it gets its own record and the others go on."""

    def __init__(self, code: ErrorCode, detail: str = "") -> None:
        super().__init__(f"{code.sentence} {detail}".rstrip())
        self.code = code
        self.detail = detail
