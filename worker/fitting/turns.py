"""Who is served next: schemas take turns, so that a slow one delays the others by one check."""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Turns(Generic[_Item]):
    """Items by the group they belong to; each group in its order, the groups in turn."""

    def __init__(self) -> None:
        self._groups: OrderedDict[str, deque[_Item]] = OrderedDict()

    def add(self, group: str, item: _Item) -> None:
        """Put an item behind those of its group."""
        self._groups.setdefault(group, deque()).append(item)

    def take(self) -> _Item:
        """The next item; raises `KeyError` when there is none."""
        group, items = self._groups.popitem(last=False)
        item = items.popleft()
        if items:
            self._groups[group] = items
        return item

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))
