"""What became of a pack: counts for Flower, never a prompt or an answer."""

from collections import Counter

from jobs.model import Hint, Outcome


class Tally:
    """Counts the jobs of one pack as they end."""

    def __init__(self, pool: str, jobs: int) -> None:
        self._pool = pool
        self._jobs = jobs
        self._models: set[str] = set()
        self._ends: Counter[str] = Counter()
        self._input_tokens = 0
        self._output_tokens = 0
        #: Hints of jobs that were not claimed because the host stops.
        self.left_over: tuple[Hint, ...] = ()

    def count(self, outcome: Outcome, *, counted: bool) -> None:
        """Note how a job ended; not `counted` when it had ended elsewhere before."""
        self._ends[outcome.state.value if counted else "elsewhere"] += 1
        self._input_tokens += outcome.input_tokens
        self._output_tokens += outcome.output_tokens
        if outcome.model:
            self._models.add(outcome.model)

    def report(self) -> dict[str, str | int]:
        """What Flower shows as the result of the task."""
        return {
            "pool": self._pool,
            "model": ", ".join(sorted(self._models)),
            "jobs": self._jobs,
            **self._ends,
            "input_tokens": self._input_tokens,
            "output_tokens": self._output_tokens,
        }
