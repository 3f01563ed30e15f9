"""A take whose stems follow it: held until they are there, so that it is written with them or, at the end, alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.events import Event, Final, Stems, Take


@dataclass(frozen=True, slots=True)
class WholeTake:
    """A take, and its stems where the request asked for them and they came."""

    take: Take
    stems: Stems | None = None


class TakeParts:
    """The takes of one request. Where it `asks_stems` each take is held until its stems come.

    Stems do not come any more once the same take comes again, another take comes, or the request ends; a held take is
    then yielded without them.
    """

    def __init__(self, *, asks_stems: bool) -> None:
        self._asks_stems = asks_stems
        self._held: Take | None = None

    def of(self, event: Event) -> Iterator[WholeTake]:
        """Take in an event of the request, and yield the takes that wait for nothing more."""
        match event:
            case Take():
                yield from self._of_take(event)
            case Stems() if self._held is not None and self._held.take == event.take:
                whole, self._held = WholeTake(self._held, event), None
                yield whole
            case _ if isinstance(event, Final):
                yield from self._rest()

    def _of_take(self, take: Take) -> Iterator[WholeTake]:
        again = self._held is not None and self._held.take == take.take
        if not again:
            yield from self._rest()
        self._held = None
        if again or not self._asks_stems:
            yield WholeTake(take)
        else:
            self._held = take

    def _rest(self) -> Iterator[WholeTake]:
        """Yield the held take, if there is one, without stems."""
        if self._held is not None:
            held, self._held = self._held, None
            yield WholeTake(held)
