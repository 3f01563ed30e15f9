"""The course of a request from its acceptance to its end; the journal is the truth, and this acts on it.

    accept -> queue -> executor -> takes and an end in the journal -> acknowledged

Every message to a client goes through `Dispatch`, which may fail or take its time: all that matters is in
the journal and is sent again when the client asks.
"""

import structlog

from ...events import Cancelled, Failed
from ..messages import AckEnd, AckTake, Cancel, LeaveTake, RequestStatus
from ..workers.executor import Executor, Report
from .dispatch import Deliver, Dispatch
from .endings import Endings, quietly
from .intake import Intake
from .journal import Entry, Journal, JournalError
from .request_queue import RequestQueue
from .running import RunningJobs
from .running_job import StopReason

log = structlog.get_logger("ditto.scheduler")


class Scheduler:
    """Decides what is made when. Threads: the loop's. `stop_seconds` is how long a step may resist a stop."""

    def __init__(self, journal: Journal, executor: Executor, deliver: Deliver, *, stop_seconds: float = 30.0) -> None:
        self._journal = journal
        self._executor = executor
        self._queue = RequestQueue()
        self.dispatch = Dispatch(journal, deliver)
        self.endings = Endings(journal, self.dispatch)
        self.running = RunningJobs(
            journal, executor, self.dispatch, self._queue, self.endings, stop_seconds=stop_seconds
        )
        self._intake = Intake(journal, self._queue, self.running, self.endings)
        self.accept = self._intake.accept

    @property
    def queued(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    def start(self) -> None:
        """Queue what an earlier engine had accepted and not finished, and start the workers."""
        for entry in self._journal.unfinished():
            self._intake.queue_up(entry)  # what it replaces was not sent before the engine died
        self._executor.start(self._report)

    # -- from clients

    def cancel(self, message: Cancel) -> None:
        """Stop a request; the end of one that has ended already is sent again."""
        entry = self.entry_of(message.owner, message.request_id)
        if entry is None:
            self.dispatch.unknown(message.owner, message.request_id)
            return
        job = self.running.get(entry.request_id)
        if self.endings.is_over(entry):
            self.resend(entry)
        elif self._queue.remove(entry.request_id):
            self.running.finish(entry.owner, Cancelled(request_id=entry.request_id))
        elif job is not None and job.stopping in (None, StopReason.PAUSE):
            self.running.ask_to_stop(entry.request_id, job, StopReason.CANCEL)

    def acknowledge(self, message: AckTake | AckEnd) -> None:
        """Drop what is safe at its owner's side."""
        if self.entry_of(message.owner, message.request_id) is None:
            return
        with quietly("acknowledge"):  # it is sent again at the next start, and acknowledged then
            if isinstance(message, AckEnd):
                self._journal.acknowledge_end(message.request_id)
                return
            self._journal.results.acknowledge_take(message.request_id, message.take)
        self.dispatch.acknowledged(message.owner, message.request_id, message.take)

    def leave(self, message: LeaveTake) -> None:
        """Keep a take that its owner could not store, and do not wait for it."""
        if self.entry_of(message.owner, message.request_id) is not None:
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

    # -- workers

    def schedule(self) -> None:
        """Give waiting requests to free workers; a batch one gives way to an interactive one."""
        if not self._intake.open:
            return
        if failure := self._executor.failure():
            self._fail_all(failure)
        while self._executor.free() > 0 and (item := self._queue.take()):
            try:
                self.running.begin(item)
            except JournalError as error:  # the disk does not answer: it keeps its place and is tried again
                log.error("request.not_begun", request_id=item.request_id, error=error.sentence)
                self._queue.put_back(item.request_id)
                return
        yielding = self._queue.preemptible()
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
        self._intake.open = False
        self.running.pause_all()

    def _fail_all(self, failure: str) -> None:
        while item := self._queue.take():
            self._queue.done(item.request_id)
            remedy = "Run `ditto-live doctor`; the engine's log says more."
            final = Failed(request_id=item.request_id, code="worker", sentence=failure, remedy=remedy)
            self.running.finish(item.owner, final)

    def _report(self, report: Report) -> None:
        self.running.handle(report)
        self.schedule()
