"""What becomes of a request between its acceptance and its end; the journal is the truth, this acts on it.

    accept -> queue -> executor -> takes and an end in the journal -> acknowledged

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
from .request_queue import RequestQueue, Waiting

log = structlog.get_logger("ditto.scheduler")

MAX_QUEUED = 10_000
MAX_CRASHES = 2  # a request that kills its worker twice fails with its best take
OVER = ("finished", "answered")


@dataclass(slots=True)
class RunningJob:
    """A request that a worker has; `stopping` is why it should stop: cancel, drop or pause."""

    owner: str
    started: float
    takes: int = 0
    stopping: str = ""
    stop_by: float = float("inf")
    ended: bool = False


class Scheduler:
    """Decides what is made when. Threads: the loop's. `stop_seconds` is how long a step may resist a stop."""

    def __init__(self, journal: Journal, executor: Executor, tell: Tell, *, stop_seconds: float = 30.0) -> None:
        self.finished = 0
        self.open = True
        self._journal = journal
        self._executor = executor
        self._dispatch = Dispatch(journal, tell)
        self._stop_seconds = stop_seconds
        self._queue = RequestQueue()
        self._running: dict[str, RunningJob] = {}
        self._seconds: deque[float] = deque(maxlen=20)

    @property
    def queued(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    @property
    def running(self) -> tuple[str, ...]:
        """Requests that workers have."""
        return tuple(self._running)

    @property
    def typical_seconds(self) -> float | None:
        """How long the last 20 requests took, the median."""
        return statistics.median(self._seconds) if self._seconds else None

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
            for replaced in self._queue.add(_waiting(entry)):
                self._supersede(replaced, by=request_id)
        return Accepted(request_id=request_id, queue_position=self._queue.position(request_id))

    def _supersede(self, request_id: str, *, by: str) -> None:
        entry = self._journal.entry(request_id)
        job = self._running.get(request_id)
        if entry is None or entry.state in OVER:
            return
        self._finish(entry.owner, Superseded(request_id=request_id, by=by))
        if job is not None:
            self._ask_to_stop(request_id, job, "drop")

    def cancel(self, message: Cancel) -> None:
        """Stop a request; one that has ended already is told again."""
        entry = self.entry_of(message.owner, message.request_id)
        if entry is None:
            sentence = f"There is no request {message.request_id} to cancel."
            self._dispatch.event(
                message.owner, Failed(request_id=message.request_id, code="unknown_request", sentence=sentence)
            )
            return
        job = self._running.get(entry.request_id)
        if entry.state in OVER:
            self.resend(entry)
        elif self._queue.remove(entry.request_id):
            self._finish(entry.owner, Cancelled(request_id=entry.request_id))
        elif job is not None and job.stopping in ("", "pause"):
            self._ask_to_stop(entry.request_id, job, "cancel")

    def acknowledge(self, message: Ack) -> None:
        """Drop what is safe at its owner's side."""
        if self.entry_of(message.owner, message.request_id) is None:
            return
        if message.take >= 0:
            self._journal.acknowledge_take(message.request_id, message.take)
            self._dispatch.acknowledged(message.owner, message.request_id, message.take)
        else:
            self._journal.acknowledge_end(message.request_id)

    def entry_of(self, owner: str, request_id: str) -> Entry | None:
        """Return a request if it is this owner's."""
        entry = self._journal.entry(request_id)
        return entry if entry is not None and entry.owner == owner else None

    def resend(self, entry: Entry) -> None:
        """Tell a request, its stored takes and its end; of one that was acknowledged only the end is left."""
        self._dispatch.resend(entry)

    def resend_unanswered(self, owner: str) -> None:
        """Tell everything that this owner has not acknowledged."""
        self._dispatch.resend_all(owner)

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
        while self._executor.free() > 0 and (item := self._queue.take()):
            self._begin(item)
        yielding = self._queue.should_give_way()
        if yielding is None or self._executor.free() or self._is_pausing():
            return
        job = self._running[yielding.request_id]
        if not job.stopping and self._journal.saved_state(yielding.request_id) is not None:
            self._ask_to_stop(yielding.request_id, job, "pause")

    def check(self) -> None:
        """Notice workers that hang or do not stop when asked, and clients that take nothing."""
        self._executor.check()
        self._dispatch.check()
        now = time.monotonic()
        for request_id, job in list(self._running.items()):
            if now > job.stop_by:
                job.stop_by = float("inf")
                self._executor.abandon(request_id)

    def pause_all(self) -> None:
        """Have all running requests stop at their last saved state; nothing new is begun."""
        self.open = False
        for request_id, job in list(self._running.items()):
            if not job.stopping:
                self._ask_to_stop(request_id, job, "pause")

    def _fail_all(self, trouble: str) -> None:
        while item := self._queue.take():
            self._queue.done(item.request_id)
            remedy = "Run `ditto-live doctor`; the engine's log says more."
            self._finish(item.owner, Failed(request_id=item.request_id, code="worker", sentence=trouble, remedy=remedy))

    def _is_pausing(self) -> bool:
        return any(job.stopping == "pause" for job in self._running.values())

    def _ask_to_stop(self, request_id: str, job: RunningJob, why: str) -> None:
        job.stopping, job.stop_by = why, time.monotonic() + self._stop_seconds
        self._executor.stop(request_id, keep=why == "cancel")

    def _begin(self, item: Waiting) -> None:
        request = self._journal.request(item.request_id)
        self._journal.start(item.request_id)
        self._running[item.request_id] = RunningJob(owner=item.owner, started=time.monotonic())
        self._executor.run(request, self._journal.saved_state(item.request_id))
        self._dispatch.event(item.owner, _beginning(item.request_id, "starting"))

    def _report(self, report: Report) -> None:
        match report:
            case pipe.Said():
                self._pass_on(report.event)
            case pipe.Saved():
                if report.request_id in self._running:
                    self._journal.save(report.request_id, report.state)
            case pipe.Ended():
                self._free(report.request_id)
            case Lost():
                self._lost(report)

    def _pass_on(self, event: Event) -> None:
        job = self._running.get(event.request_id)
        if job is None or job.ended or job.stopping == "drop":
            return
        if isinstance(event, Final):
            self._finish(job.owner, event)
            return
        if isinstance(event, Take):
            job.takes += 1
            self._journal.add_take(event)
        elif isinstance(event, Preview):
            self._journal.keep_preview(event)
        self._dispatch.event(job.owner, event)

    def _finish(self, owner: str, final: Event) -> None:
        self._journal.finish(final.request_id, final, time.time())
        self.finished += 1
        job = self._running.get(final.request_id)
        if job is not None:
            job.ended = True
            self._seconds.append(time.monotonic() - job.started)
        self._dispatch.event(owner, final)

    def _free(self, request_id: str) -> None:
        """Note that a worker is done with a request; one that was paused waits again."""
        job = self._running.pop(request_id, None)
        if job is not None and job.stopping == "pause" and not job.ended:
            self._queue.put_back(request_id)
            self._journal.requeue(request_id)
        else:
            self._queue.done(request_id)
            if job is not None and not job.ended:  # it was let go before it heard of the cancellation
                self._finish(job.owner, Cancelled(request_id=request_id, takes=job.takes))
        self.schedule()

    def _lost(self, report: Lost) -> None:
        """Note that a worker died: try once more from the last state, then fail with the best take."""
        job = self._running.pop(report.request_id, None)
        if job is None:
            return
        if job.ended:
            self._queue.done(report.request_id)
        elif job.stopping == "pause" or not self._gives_up(report.request_id, job):
            self._queue.put_back(report.request_id)
            self._journal.requeue(report.request_id)
            self._dispatch.event(job.owner, _beginning(report.request_id, "starting again"))
        else:
            self._queue.done(report.request_id)
            self._give_up(report, job)
        self.schedule()

    def _gives_up(self, request_id: str, job: RunningJob) -> bool:
        return job.stopping == "cancel" or self._journal.count_crash(request_id) >= MAX_CRASHES

    def _give_up(self, report: Lost, job: RunningJob) -> None:
        kept = self._rescue(report.request_id, job)
        if job.stopping == "cancel":
            self._finish(job.owner, Cancelled(request_id=report.request_id, takes=kept))
            return
        remedy = "The last preview was kept as a take. " if kept else ""
        self._finish(
            job.owner,
            Failed(
                request_id=report.request_id,
                code="worker_crashed",
                sentence=f"{report.sentence.removesuffix('.')}, and so it was before.",
                remedy=remedy + "Ask for fewer bars, a smaller model or quality `draft`.",
            ),
        )

    def _rescue(self, request_id: str, job: RunningJob) -> int:
        """Make a take of the last preview where there is none; return how many takes there are."""
        preview = self._journal.last_preview(request_id)
        if job.takes or preview is None:
            return job.takes
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
        self._dispatch.event(job.owner, take)
        return 1


def _waiting(entry: Entry) -> Waiting:
    return Waiting(entry.request_id, entry.owner, entry.slot, entry.priority == "interactive")


def _failed(request_id: str, error: DittoError) -> Failed:
    return Failed(request_id=request_id, code=error.code, sentence=error.sentence, remedy=error.remedy)


def _beginning(request_id: str, phase: str) -> Progress:
    return Progress(request_id=request_id, take=0, step=0, steps=0, seconds_left=-1.0, losses={}, phase=phase)
