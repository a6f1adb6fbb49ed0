"""The jobs that this session holds in the store, as its last commits left them.

Kept where the commits are made: a heartbeat that was put together anywhere else could miss a
job claimed a moment ago and so give it away.
"""

from collections.abc import Collection, Iterable

import msgspec

from jobs.model import Claimed, Hint, Outcome
from jobs.store.running import Beat


class Held:
    """Each held job with its present epoch. Used by the writer's thread only."""

    def __init__(self) -> None:
        self._epochs: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._epochs)

    @property
    def job_ids(self) -> Collection[str]:
        """The held jobs."""
        return self._epochs.keys()

    def hints(self, *, without: Collection[str] = ()) -> list[Hint]:
        """What a heartbeat has to list, `without` the jobs that end in the same transaction."""
        return [
            Hint(job_id, epoch) for job_id, epoch in self._epochs.items() if job_id not in without
        ]

    def admit(self, claimed: Iterable[Claimed]) -> dict[str, Claimed]:
        """Take note of claimed jobs; gives back those that were not held already.

        A job that is held and claimed again came in two packs, or came back after its lease:
        the attempt that is under way goes on, under the new epoch.
        """
        new = {job.job_id: job for job in claimed if job.job_id not in self._epochs}
        self._epochs.update((job.job_id, job.epoch) for job in claimed)
        return new

    def follow(self, beat: Beat) -> None:
        """Take note of what a heartbeat learned: jobs lost, and epochs of jobs taken back."""
        self._epochs.update(beat.epochs)
        self.drop(beat.lost)

    def drop(self, job_ids: Iterable[str]) -> None:
        """Take note that jobs ended here."""
        for job_id in job_ids:
            self._epochs.pop(job_id, None)

    def stamp(self, outcome: Outcome) -> Outcome:
        """`outcome` under the epoch that its job has by now."""
        epoch = self._epochs.get(outcome.job_id, outcome.epoch)
        if epoch == outcome.epoch:
            return outcome
        return msgspec.structs.replace(outcome, epoch=epoch)
