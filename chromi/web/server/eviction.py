"""Who makes way when nearly all connections are taken: at its limit, waitress would let nobody in.

No client has a fixed share, as an office or a school may stand behind one address. Only when places are
short, whoever comes next takes one from the client that has the most: an address that takes them all only
ever pushes out itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Protocol, TypeVar


class Place(Protocol):
    """A connection: whose it is, and how long it has kept us waiting."""

    client: str

    def waited_s(self, now: float) -> float: ...


P = TypeVar("P", bound=Place)


def find_one_to_cut(places: Collection[P], now: float) -> P:
    """Choose of the greediest clients' connections the one that has kept us waiting longest.

    `places` has one at least; `now` is in monotonic seconds.
    """
    taken = Counter(place.client for place in places)
    return max(places, key=lambda place: (taken[place.client], place.waited_s(now)))
