"""What becomes of a request between its acceptance and its end; the journal is the truth, this acts on it.

    accept -> queue -> executor -> takes and an end in the journal -> acknowledged

Whatever is said to a client goes through `Dispatch`, which may fail or take its time: all that matters is in
the journal and is told again when the client asks.
"""

import time
from collections.abc import Sequence

import structlog

from ...errors import BadRequestError, DittoError, EngineUnavailableError
from ...events import Accepted, Cancelled, Event, Failed, Superseded
from ..messages import AckEnd, AckTake, Cancel, Priority, RequestStatus, Submission
from ..workers.executor import Executor, Report
from .dispatch import Dispatch, Tell
from .endings import Endings, failed, quietly
from .journal import Acceptance, Entry, Journal, JournalError
from .request_queue import RequestQueue, Waiting
from .running import RunningJobs, StopReason

log = structlog.get_logger("ditto.scheduler")

MAX_QUEUED = 10_000


class Scheduler:
    """Decides what is made when. Threads: the loop's. `stop_seconds` is how long a step may resist a stop."""

    def __init__(self, journal: Journal, executor: Executor, tell: Tell, *, stop_seconds: float = 30.0) -> None:
        self.open = True
        self._journal = journal
        self._executor = executor
        self._queue = RequestQueue()
        self.dispatch = Dispatch(journal, tell)
        self.endings = Endings(journal, self.dispatch)
        self.running = RunningJobs(
            journal, executor, self.dispatch, self._queue, self.endings, stop_seconds=stop_seconds
        )

    @property
    def queued(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    def start(self) -> None:
        """Queue what an earlier engine had accepted and not finished, and start the workers."""
        for entry in self._journal.unfinished():
            for replaced in self._queue.add(_waiting(entry)):  # it died before it had said so
                self._supersede(replaced, by=entry.request_id)
        self._executor.start(self._report)

    # -- from clients

    def accept(self, submissions: Sequence[Submission]) -> list[Event]:
        """Put all on disk in one commit and return what to answer to each, in order."""
        room = MAX_QUEUED - len(self._queue) if self.open else 0
        taken, refused = submissions[:room], submissions[room:]
        try:
            outcomes = self._journal.accept(taken, time.time())
        except DittoError as error:
            return [failed(submission.request.request_id, error) for submission in submissions]
        pairs = zip(taken, outcomes, strict=True)
        answers = [self._welcome(submission, outcome) for submission, outcome in pairs]
        return answers + [failed(submission.request.request_id, self._no_room()) for submission in refused]

    def _no_room(self) -> DittoError:
        if not self.open:
            return EngineUnavailableError("The engine is stopping.", remedy="Ask again when it has started anew.")
        return EngineUnavailableError(
            f"{MAX_QUEUED:,} requests are waiting already.", remedy="Wait until some are done."
        )

    def _welcome(self, submission: Submission, outcome: Acceptance) -> Event:
        request_id = submission.request.request_id
        entry = self._journal.entry(request_id)
        if outcome is Acceptance.CONFLICT or entry is None:
            sentence = f"The request id {request_id} belongs to another request already."
            return failed(request_id, BadRequestError(sentence, remedy="Give every request an id of its own."))
        if outcome is Acceptance.NEW:
            for replaced in self._queue.add(_waiting(entry)):
                self._supersede(replaced, by=request_id)
        return Accepted(request_id=request_id, queue_position=self._queue.position(request_id))

    def _supersede(self, request_id: str, *, by: str) -> None:
        entry = self._journal.entry(request_id)
        if entry is None or self._is_over(entry):
            return
        self.running.finish(entry.owner, Superseded(request_id=request_id, by=by))
        if (job := self.running.get(request_id)) is not None:
            self.running.ask_to_stop(request_id, job, StopReason.DROP)

    def cancel(self, message: Cancel) -> None:
        """Stop a request; one that has ended already is told again."""
        entry = self.entry_of(message.owner, message.request_id)
        if entry is None:
            sentence = f"There is no request {message.request_id} to cancel."
            unknown = Failed(request_id=message.request_id, code="unknown_request", sentence=sentence)
            self.dispatch.event(message.owner, unknown)
            return
        job = self.running.get(entry.request_id)
        if self._is_over(entry):
            self.resend(entry)
        elif self._queue.remove(entry.request_id):
            self.running.finish(entry.owner, Cancelled(request_id=entry.request_id))
        elif job is not None and job.stopping in (None, StopReason.PAUSE):
            self.running.ask_to_stop(entry.request_id, job, StopReason.CANCEL)

    def acknowledge(self, message: AckTake | AckEnd) -> None:
        """Drop what is safe at its owner's side."""
        if self.entry_of(message.owner, message.request_id) is None:
            return
        with quietly("acknowledge"):  # it is told again at the next start, and acknowledged then
            if isinstance(message, AckEnd):
                self._journal.acknowledge_end(message.request_id)
                return
            self._journal.results.acknowledge_take(message.request_id, message.take)
        self.dispatch.acknowledged(message.owner, message.request_id, message.take)

    def entry_of(self, owner: str, request_id: str) -> Entry | None:
        """Return a request if it is this owner's."""
        entry = self._journal.entry(request_id)
        return entry if entry is not None and entry.owner == owner else None

    def resend(self, entry: Entry) -> None:
        """Tell a request, its stored takes and its end; of one that was acknowledged only the end is left."""
        if (final := self.endings.unwritten(entry.request_id)) is not None:
            self.dispatch.event(entry.owner, final)
            return
        self.dispatch.resend(entry)

    def states(self, owner: str) -> dict[str, RequestStatus]:
        """Return the states of what this owner has not acknowledged, at most 1,000."""
        return self._journal.states(owner, most=1_000)

    def _is_over(self, entry: Entry) -> bool:
        return entry.status.is_finished or self.endings.unwritten(entry.request_id) is not None

    # -- workers

    def schedule(self) -> None:
        """Give waiting requests to free workers; a batch one gives way to an interactive one."""
        if not self.open:
            return
        if trouble := self._executor.trouble():
            self._fail_all(trouble)
        while self._executor.free() > 0 and (item := self._queue.take()):
            try:
                self.running.begin(item)
            except JournalError as error:  # the disk does not answer: it keeps its place and is tried again
                log.error("request.not_begun", request_id=item.request_id, error=error.sentence)
                self._queue.put_back(item.request_id)
                return
        yielding = self._queue.should_give_way()
        if yielding is None or self._executor.free() or self.running.is_pausing:
            return
        job = self.running.get(yielding.request_id)
        if job is not None and job.stopping is None and self._journal.results.has_saved_state(yielding.request_id):
            self.running.ask_to_stop(yielding.request_id, job, StopReason.PAUSE)

    def check(self) -> None:
        """Notice workers that hang or do not stop when asked, and clients that take nothing."""
        self._executor.check()
        self.dispatch.check()
        self.running.check()
        self.endings.retry()

    def pause_all(self) -> None:
        """Have all running requests stop at their last saved state; nothing new is begun."""
        self.open = False
        self.running.pause_all()

    def _fail_all(self, trouble: str) -> None:
        while item := self._queue.take():
            self._queue.done(item.request_id)
            remedy = "Run `ditto-live doctor`; the engine's log says more."
            final = Failed(request_id=item.request_id, code="worker", sentence=trouble, remedy=remedy)
            self.running.finish(item.owner, final)

    def _report(self, report: Report) -> None:
        self.running.hear(report)
        self.schedule()


def _waiting(entry: Entry) -> Waiting:
    return Waiting(entry.request_id, entry.owner, entry.slot, entry.priority is Priority.INTERACTIVE)
