"""Why a tunnel is not up, said so that people know what helps."""

from jobs.errors import NightmillError
from jobs.tunnels import Cause


class TunnelError(NightmillError):
    """The connection could not be made or ended: what to do next is in its `cause`."""

    def __init__(self, cause: Cause, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause
