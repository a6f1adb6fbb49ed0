"""How fast each of the open batches goes, wherever it is done."""

from collections.abc import Iterator, Mapping

from jobs.model import Counts
from jobs.store.batches import Place
from producer.pace import Pace


class Paces:
    """The paces of the batches that are open; one that is given to others begins anew."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Place, Pace]] = {}

    def look(self, places: Mapping[str, Place], counts: Mapping[str, Counts], now: float) -> None:
        """See how far each of these batches is by now, and who does it; others are forgotten."""
        self._known = {
            batch_id: (place, self._seen(batch_id, place, counts[batch_id], now))
            for batch_id, place in places.items()
        }

    def __iter__(self) -> Iterator[tuple[str, Pace]]:
        return ((batch_id, pace) for batch_id, (_, pace) in self._known.items())

    def _seen(self, batch_id: str, place: Place, counts: Counts, now: float) -> Pace:
        known = self._known.get(batch_id)
        if known is None:
            return Pace.from_now(counts, now).seen(counts, now)
        before, pace = known
        return pace.seen(counts, now) if before == place else Pace.after_move(counts, now)
