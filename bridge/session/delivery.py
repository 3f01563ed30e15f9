"""From the engine's events to takes on disk, and to messages that tell a client of them."""

from collections.abc import Iterable, Iterator

from engine.errors import DittoError
from engine.events import Accepted, Event, Final, Preview, Progress, Stems, Take
from engine.service.messages import AckEnd, AckTake, Job, LeaveTake

from ..osc import outgoing
from ..takes.parts import WholeTake
from .book import RequestBook
from .clients import Clients
from .effects import Delivered, DropPreviews, Effect, FindTakes, NotifyEngine, WritePreview, WriteTake
from .progress import ProgressReports
from .state import RequestState


class Delivery:
    """Takes in the engine's events and the disk's answers about committed requests. Methods yield effects."""

    def __init__(self, book: RequestBook, clients: Clients) -> None:
        self._book = book
        self._clients = clients
        self.progress = ProgressReports(clients)

    # -- from the engine

    def take_up(self, job: Job) -> Iterator[Effect]:
        """Follow a request that an earlier bridge had submitted, or of which the engine still has a take or an end.

        Its client is told that it is accepted, with what was said of it.
        """
        request_id = job.request.request_id
        state = self._book.get(request_id)
        if state is None:
            state = RequestState(request_id, job.tag, self._clients.nonce_of(job.tag))
        state.resume(job.request, job.remarks)
        if state.is_ended:
            return
        self._book.open(state)
        if not state.accepted:
            yield from self._clients.send(state, state.accept(Accepted(request_id=request_id)))

    def handle(self, event: Event, now: float) -> Iterator[Effect]:
        """Take in an event; one of a request that is not ours is passed over."""
        state = self._book.get(event.request_id)
        if state is None:
            return
        match event:
            case Accepted() if not state.accepted or event.notes:  # the model may have more to say
                yield from self._clients.send(state, state.accept(event))
            case Progress():
                yield from self.progress.handle(state, event, now)
            case Preview() if state.request is not None:
                state.previews = True
                yield WritePreview(state.request, event)
            case Take() if event.take in state.takes:
                yield NotifyEngine(AckTake, state.request_id, event.take)
            case Take() | Stems():
                yield from self._write(state, state.parts.of(event))
            case _ if isinstance(event, Final):
                yield from self._handle_final(state, event, now)

    def _write(self, state: RequestState, takes: Iterable[WholeTake]) -> Iterator[Effect]:
        for whole in takes:
            number = whole.take.take
            if number not in state.writing and number not in state.takes and state.request is not None:
                state.writing.add(number)
                yield WriteTake(state.request, whole.take, state.resumed, whole.stems, state.notes)

    def _handle_final(self, state: RequestState, final: Final, now: float) -> Iterator[Effect]:
        state.final = final
        yield from self._write(state, state.parts.of(final))
        promised = getattr(final, "takes", 0)
        if promised > len(state.takes) + len(state.writing) and not state.is_searched:  # delivered before a restart
            state.is_searched = True
            yield FindTakes(state.request_id)
        yield from self._close(state, now)

    # -- from the disk

    def written(self, request_id: str, made: Delivered, now: float) -> Iterator[Effect]:
        """Go on when a take is safe on disk."""
        if (state := self._book.get(request_id)) is None:
            return
        state.writing.discard(made.take)
        state.takes[made.take] = made
        yield NotifyEngine(AckTake, request_id, made.take)
        yield from self._clients.send(state, *outgoing.landed(request_id, made))
        yield from self._close(state, now)

    def not_written(self, request_id: str, take: int, error: DittoError, now: float) -> Iterator[Effect]:
        """End a request whose take could not be written; the engine keeps it until it is asked for again."""
        if (state := self._book.get(request_id)) is None:
            return
        state.writing.discard(take)
        state.unwritten = error
        yield NotifyEngine(LeaveTake, request_id, take)
        yield from self._close(state, now)

    def previewed(self, preview: Preview, path: str) -> Iterator[Effect]:
        """Say where an early listen lies."""
        state = self._book.get(preview.request_id)
        if state is not None and not state.is_ended:
            sent = outgoing.preview(state.request_id, preview.take, preview.step, path)
            yield from self._clients.send(state, sent)

    def found(self, request_id: str, takes: list[Delivered], now: float) -> Iterator[Effect]:
        """Go on with a request whose takes were delivered before a restart."""
        if (state := self._book.get(request_id)) is None:
            return
        state.is_searched = False
        for made in takes:
            state.takes.setdefault(made.take, made)
            yield from self._clients.send(state, *outgoing.landed(request_id, made))
        yield from self._close(state, now)

    # -- both

    def _close(self, state: RequestState, now: float) -> Iterator[Effect]:
        """End a request once its end is known and all its takes are on disk."""
        if state.final is None or state.writing or state.is_searched:
            return
        if state.unwritten is None:
            yield NotifyEngine(AckEnd, state.request_id)
        if state.is_ended:
            return
        end = outgoing.end(state.final, state.takes)
        if (error := state.unwritten) is not None:
            remedy = f"{error.remedy} The engine keeps the take; ask for the same request again when it is mended."
            end = outgoing.error(state.request_id, error.code, error.sentence, remedy)
        self._book.end(state, end, now)
        yield from self._clients.send(state, end)
        if state.previews or state.resumed:
            yield DropPreviews(state.request_id)
        state.request = None
