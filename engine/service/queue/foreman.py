"""What becomes of a request between its acceptance and its end; the journal is the truth, this acts on it.

    accept -> lineup -> executor -> takes and an end in the journal -> acknowledged

Whatever is said to a client goes through `Dispatch`, which may fail or take its time: all that matters is in
the journal and is told again when the client asks.
"""

import statistics
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from ...errors import BadRequestError, DittoError, EngineUnavailableError
from ...events import Accepted, Cancelled, Event, Failed, Final, Preview, Progress, Superseded, Take
from ..messages import Ack, Cancel, Submission
from ..workers import pipe
from ..workers.executor import Executor, Lost, Report
from .dispatch import Dispatch, Tell
from .journal import Entry, Journal
from .lineup import Lineup, Waiting

log = structlog.get_logger("ditto.foreman")

MAX_QUEUED = 10_000
MAX_CRASHES = 2  # a request that kills its worker twice fails with its best take
OVER = ("finished", "answered")


@dataclass(slots=True)
class Making:
    """A request that a worker has; `stopping` is why it should stop: cancel, drop or pause."""

    owner: str
    started: float
    takes: int = 0
    stopping: str = ""
    stop_by: float = float("inf")
    ended: bool = False


class Foreman:
    """Decides what is made when. Threads: the loop's. `stop_seconds` is how long a step may resist a stop."""

    def __init__(self, journal: Journal, executor: Executor, tell: Tell, *, stop_seconds: float = 30.0) -> None:
        self.finished = 0
        self.open = True
        self._journal = journal
        self._executor = executor
        self._dispatch = Dispatch(journal, tell)
        self._stop_seconds = stop_seconds
        self._lineup = Lineup()
        self._making: dict[str, Making] = {}
        self._seconds: deque[float] = deque(maxlen=20)

    @property
    def queued(self) -> int:
        """Requests that wait."""
        return len(self._lineup)

    @property
    def running(self) -> tuple[str, ...]:
        """Requests that workers have."""
        return tuple(self._making)

    @property
    def typical_seconds(self) -> float | None:
        """How long the last 20 requests took, the median."""
        return statistics.median(self._seconds) if self._seconds else None

    def start(self) -> None:
        """Queue what an earlier engine had accepted and not finished, and start the workers."""
        for entry in self._journal.unfinished():
            for replaced in self._lineup.add(_waiting(entry)):  # it died before it had said so
                self._supersede(replaced, by=entry.request_id)
        self._executor.start(self._report)

    # -- from clients

    def accept(self, submissions: Sequence[Submission]) -> list[Event]:
        """Put all on disk in one commit and return what to answer to each, in order."""
        room = MAX_QUEUED - len(self._lineup) if self.open else 0
        taken, refused = submissions[:room], submissions[room:]
        try:
            outcomes = self._journal.accept(taken, time.time())
        except DittoError as error:
            return [_failed(submission.request.request_id, error) for submission in submissions]
        pairs = zip(taken, outcomes, strict=True)
        answers = [self._welcome(submission, outcome) for submission, outcome in pairs]
        return answers + [_failed(submission.request.request_id, self._no_room()) for submission in refused]

    def _no_room(self) -> DittoError:
        if not self.open:
            return EngineUnavailableError("The engine is stopping.", remedy="Ask again when it has started anew.")
        return EngineUnavailableError(
            f"{MAX_QUEUED:,} requests are waiting already.", remedy="Wait until some are done."
        )

    def _welcome(self, submission: Submission, outcome: str) -> Event:
        request_id = submission.request.request_id
        entry = self._journal.entry(request_id)
        if outcome == "conflict" or entry is None:
            sentence = f"The request id {request_id} belongs to another request already."
            return _failed(request_id, BadRequestError(sentence, remedy="Give every request an id of its own."))
        if outcome == "new":
            for replaced in self._lineup.add(_waiting(entry)):
                self._supersede(replaced, by=request_id)
        return Accepted(request_id=request_id, queue_position=self._lineup.position(request_id))

    def _supersede(self, request_id: str, *, by: str) -> None:
        entry = self._journal.entry(request_id)
        making = self._making.get(request_id)
        if entry is None or entry.state in OVER:
            return
        self._finish(entry.owner, Superseded(request_id=request_id, by=by))
        if making is not None:
            self._ask_to_stop(request_id, making, "drop")

    def cancel(self, message: Cancel) -> None:
        """Stop a request; one that has ended already is told again."""
        entry = self.entry_of(message.owner, message.request_id)
        if entry is None:
            sentence = f"There is no request {message.request_id} to cancel."
            self._dispatch.event(
                message.owner, Failed(request_id=message.request_id, code="unknown_request", sentence=sentence)
            )
            return
        making = self._making.get(entry.request_id)
        if entry.state in OVER:
            self.tell_all(entry)
        elif self._lineup.remove(entry.request_id):
            self._finish(entry.owner, Cancelled(request_id=entry.request_id))
        elif making is not None and making.stopping in ("", "pause"):
            self._ask_to_stop(entry.request_id, making, "cancel")

    def acknowledge(self, message: Ack) -> None:
        """Drop what is safe at its owner's side."""
        if self.entry_of(message.owner, message.request_id) is None:
            return
        if message.take >= 0:
            self._journal.acknowledge_take(message.request_id, message.take)
            self._dispatch.safe(message.owner, message.request_id, message.take)
        else:
            self._journal.acknowledge_end(message.request_id)

    def entry_of(self, owner: str, request_id: str) -> Entry | None:
        """Return a request if it is this owner's."""
        entry = self._journal.entry(request_id)
        return entry if entry is not None and entry.owner == owner else None

    def tell_all(self, entry: Entry) -> None:
        """Tell a request, its stored takes and its end; of one that was acknowledged only the end is left."""
        self._dispatch.again(entry)

    def tell_unanswered(self, owner: str) -> None:
        """Tell everything that this owner has not acknowledged."""
        self._dispatch.all_again(owner)

    def states(self, owner: str) -> dict[str, str]:
        """Return the states of what this owner has not acknowledged, at most 1,000."""
        return self._journal.states(owner, most=1_000)

    # -- workers

    def schedule(self) -> None:
        """Give waiting requests to free workers; a batch one gives way to an interactive one."""
        if not self.open:
            return
        if trouble := self._executor.trouble():
            self._fail_all(trouble)
        while self._executor.free() > 0 and (item := self._lineup.take()):
            self._begin(item)
        yielding = self._lineup.should_give_way()
        if yielding is None or self._executor.free() or self._is_pausing():
            return
        making = self._making[yielding.request_id]
        if not making.stopping and self._journal.saved_state(yielding.request_id) is not None:
            self._ask_to_stop(yielding.request_id, making, "pause")

    def check(self) -> None:
        """Notice workers that hang or do not stop when asked, and clients that take nothing."""
        self._executor.check()
        self._dispatch.check()
        now = time.monotonic()
        for request_id, making in list(self._making.items()):
            if now > making.stop_by:
                making.stop_by = float("inf")
                self._executor.abandon(request_id)

    def pause_all(self) -> None:
        """Have all running requests stop at their last saved state; nothing new is begun."""
        self.open = False
        for request_id, making in list(self._making.items()):
            if not making.stopping:
                self._ask_to_stop(request_id, making, "pause")

    def _fail_all(self, trouble: str) -> None:
        while item := self._lineup.take():
            self._lineup.done(item.request_id)
            remedy = "Run `ditto-live doctor`; the engine's log says more."
            self._finish(item.owner, Failed(request_id=item.request_id, code="worker", sentence=trouble, remedy=remedy))

    def _is_pausing(self) -> bool:
        return any(making.stopping == "pause" for making in self._making.values())

    def _ask_to_stop(self, request_id: str, making: Making, why: str) -> None:
        making.stopping, making.stop_by = why, time.monotonic() + self._stop_seconds
        self._executor.stop(request_id, keep=why == "cancel")

    def _begin(self, item: Waiting) -> None:
        request = self._journal.request(item.request_id)
        self._journal.start(item.request_id)
        self._making[item.request_id] = Making(owner=item.owner, started=time.monotonic())
        self._executor.run(request, self._journal.saved_state(item.request_id))
        self._dispatch.event(item.owner, _beginning(item.request_id, "starting"))

    def _report(self, report: Report) -> None:
        match report:
            case pipe.Said():
                self._pass_on(report.event)
            case pipe.Saved():
                if report.request_id in self._making:
                    self._journal.save(report.request_id, report.state)
            case pipe.Ended():
                self._free(report.request_id)
            case Lost():
                self._lost(report)

    def _pass_on(self, event: Event) -> None:
        making = self._making.get(event.request_id)
        if making is None or making.ended or making.stopping == "drop":
            return
        if isinstance(event, Final):
            self._finish(making.owner, event)
            return
        if isinstance(event, Take):
            making.takes += 1
            self._journal.add_take(event)
        elif isinstance(event, Preview):
            self._journal.keep_preview(event)
        self._dispatch.event(making.owner, event)

    def _finish(self, owner: str, final: Event) -> None:
        self._journal.finish(final.request_id, final, time.time())
        self.finished += 1
        making = self._making.get(final.request_id)
        if making is not None:
            making.ended = True
            self._seconds.append(time.monotonic() - making.started)
        self._dispatch.event(owner, final)

    def _free(self, request_id: str) -> None:
        """Note that a worker is done with a request; one that was paused waits again."""
        making = self._making.pop(request_id, None)
        if making is not None and making.stopping == "pause" and not making.ended:
            self._lineup.put_back(request_id)
            self._journal.requeue(request_id)
        else:
            self._lineup.done(request_id)
            if making is not None and not making.ended:  # it was let go before it heard of the cancellation
                self._finish(making.owner, Cancelled(request_id=request_id, takes=making.takes))
        self.schedule()

    def _lost(self, report: Lost) -> None:
        """Note that a worker died: try once more from the last state, then fail with the best take."""
        making = self._making.pop(report.request_id, None)
        if making is None:
            return
        if making.ended:
            self._lineup.done(report.request_id)
        elif making.stopping == "pause" or not self._gives_up(report.request_id, making):
            self._lineup.put_back(report.request_id)
            self._journal.requeue(report.request_id)
            self._dispatch.event(making.owner, _beginning(report.request_id, "starting again"))
        else:
            self._lineup.done(report.request_id)
            self._give_up(report, making)
        self.schedule()

    def _gives_up(self, request_id: str, making: Making) -> bool:
        return making.stopping == "cancel" or self._journal.count_crash(request_id) >= MAX_CRASHES

    def _give_up(self, report: Lost, making: Making) -> None:
        kept = self._rescue(report.request_id, making)
        if making.stopping == "cancel":
            self._finish(making.owner, Cancelled(request_id=report.request_id, takes=kept))
            return
        remedy = "The last preview was kept as a take. " if kept else ""
        self._finish(
            making.owner,
            Failed(
                request_id=report.request_id,
                code="worker_crashed",
                sentence=f"{report.sentence.removesuffix('.')}, and so it was before.",
                remedy=remedy + "Ask for fewer bars, a smaller model or quality `draft`.",
            ),
        )

    def _rescue(self, request_id: str, making: Making) -> int:
        """Make a take of the last preview where there is none; return how many takes there are."""
        preview = self._journal.last_preview(request_id)
        if making.takes or preview is None:
            return making.takes
        take = Take(
            request_id=request_id,
            take=0,
            sound=preview.sound,
            scores={},
            noise=b"",
            record={"unfinished": True, "step": preview.step},
            notes=("This is the last preview of a request that could not be finished.",),
        )
        self._journal.add_take(take)
        self._dispatch.event(making.owner, take)
        return 1


def _waiting(entry: Entry) -> Waiting:
    return Waiting(entry.request_id, entry.owner, entry.slot, entry.priority == "interactive")


def _failed(request_id: str, error: DittoError) -> Failed:
    return Failed(request_id=request_id, code=error.code, sentence=error.sentence, remedy=error.remedy)


def _beginning(request_id: str, phase: str) -> Progress:
    return Progress(request_id=request_id, take=0, step=0, steps=0, seconds_left=-1.0, losses={}, phase=phase)
