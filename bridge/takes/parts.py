"""A take whose stems follow it: held until they are there, so that it is written with them or, at the end, alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.events import Stems, Take


@dataclass(frozen=True, slots=True)
class WholeTake:
    """A take, and its stems where the request asked for them and they came."""

    take: Take
    stems: Stems | None = None


class TakeParts:
    """The takes of one request. Where it `asks_stems` each is held until its stems come, or anything says they do not.

    That is the same take once more, another take, or the end: call `rest` then.
    """

    def __init__(self, *, asks_stems: bool) -> None:
        self._asks_stems = asks_stems
        self._held: Take | None = None

    def take(self, take: Take) -> Iterator[WholeTake]:
        """Yield what is whole now that this take has come."""
        again = self._held is not None and self._held.take == take.take
        if not again:
            yield from self.rest()
        self._held = None
        if again or not self._asks_stems:
            yield WholeTake(take)
        else:
            self._held = take

    def stems(self, stems: Stems) -> Iterator[WholeTake]:
        """Yield the take whose stems these are; stems of no take are passed over."""
        if self._held is not None and self._held.take == stems.take:
            held, self._held = self._held, None
            yield WholeTake(held, stems)

    def rest(self) -> Iterator[WholeTake]:
        """Yield what was held, without stems."""
        if self._held is not None:
            held, self._held = self._held, None
            yield WholeTake(held)
