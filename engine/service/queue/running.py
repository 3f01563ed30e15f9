"""What workers have, what they say of it, and what becomes of a request whose worker stops or dies."""

import time
from dataclasses import dataclass
from enum import StrEnum

import structlog

from ...errors import DittoError
from ...events import Cancelled, Event, Failed, Final, Preview, Progress, Stems, Take
from ..workers import pipe
from ..workers.executor import Executor, Lost, Report
from .dispatch import MAX_TAKE_BYTES, Dispatch, size_bytes
from .endings import Endings, failed, quietly
from .journal import Journal, JournalError
from .request_queue import RequestQueue, Waiting

log = structlog.get_logger("ditto.scheduler")

MAX_CRASHES = 2  # a request that kills its worker twice fails with its best take


class StopReason(StrEnum):
    """Why a running request is asked to stop."""

    CANCEL = "cancel"  # its best take is kept
    DROP = "drop"  # it has its end already
    PAUSE = "pause"  # it goes back to the queue with its last state


@dataclass(slots=True)
class RunningJob:
    """A request that a worker has."""

    owner: str
    started: float
    takes: int = 0
    stopping: StopReason | None = None
    stop_by: float = float("inf")
    ended: bool = False


class RunningJobs:
    """The requests that workers have, by id. Threads: the loop's.

    `stop_seconds` is how long a step may resist a stop.
    """

    def __init__(
        self, journal: Journal, executor: Executor, dispatch: Dispatch, queue: RequestQueue, endings: Endings,
        *, stop_seconds: float,
    ) -> None:  # fmt: skip
        self._journal, self._executor, self._dispatch = journal, executor, dispatch
        self._queue, self._endings = queue, endings
        self._stop_seconds = stop_seconds
        self._jobs: dict[str, RunningJob] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """Requests that workers have."""
        return tuple(self._jobs)

    @property
    def is_pausing(self) -> bool:
        """Whether a request is making room already."""
        return any(job.stopping is StopReason.PAUSE for job in self._jobs.values())

    def get(self, request_id: str) -> RunningJob | None:
        """Return a request that a worker has."""
        return self._jobs.get(request_id)

    def begin(self, item: Waiting) -> None:
        """Give a request to a free worker; one that cannot be read has its end already."""
        request = self._journal.request(item.request_id)
        if request is None:
            self._queue.done(item.request_id)
            if (final := self._journal.final(item.request_id)) is not None:
                self._dispatch.event(item.owner, final)
            return
        resume = self._journal.results.saved_state(item.request_id)
        with quietly("start"):  # at the next start of an engine it counts as waiting, which is right
            self._journal.start(item.request_id)
        self._jobs[item.request_id] = RunningJob(owner=item.owner, started=time.monotonic())
        self._executor.run(request, resume)
        self._dispatch.event(item.owner, _beginning(item.request_id, "starting"))

    def ask_to_stop(self, request_id: str, job: RunningJob, why: StopReason) -> None:
        """Have a worker stop a request between two steps."""
        job.stopping, job.stop_by = why, time.monotonic() + self._stop_seconds
        self._executor.stop(request_id, keep=why is StopReason.CANCEL)

    def pause_all(self) -> None:
        """Have all stop at their last saved state."""
        for request_id, job in list(self._jobs.items()):
            if job.stopping is None:
                self.ask_to_stop(request_id, job, StopReason.PAUSE)

    def check(self) -> None:
        """End the workers of what does not stop when asked."""
        now = time.monotonic()
        for request_id, job in list(self._jobs.items()):
            if now > job.stop_by:
                job.stop_by = float("inf")
                self._executor.abandon(request_id)

    def hear(self, report: Report) -> None:
        """Take in what a worker said."""
        match report:
            case pipe.Said():
                self._pass_on(report.event)
            case pipe.Saved() if report.request_id in self._jobs:
                with quietly("save"):  # it would be resumed from an earlier state
                    self._journal.results.save(report.request_id, report.state)
            case pipe.Ended():
                self._free(report.request_id)
            case Lost():
                self._lost(report)

    def _pass_on(self, event: Event) -> None:
        job = self._jobs.get(event.request_id)
        if job is None or job.ended or job.stopping is StopReason.DROP:
            return
        if isinstance(event, Final):
            self.finish(job.owner, event)
            return
        if isinstance(event, Take) and not self._keep(job, event):
            return
        if isinstance(event, Stems):
            with quietly("stems"):  # they are told all the same, and only a client that loses them misses them
                self._journal.results.add_stems(event)
        if isinstance(event, Preview):
            with quietly("preview"):
                self._journal.results.keep_preview(event)
        self._dispatch.event(job.owner, event)

    def _keep(self, job: RunningJob, take: Take) -> bool:
        """Store a take; where that fails its request fails, in words, and makes room for others."""
        try:
            if size_bytes(take) > MAX_TAKE_BYTES:
                raise JournalError("This take is larger than a message may be.", remedy="Ask for fewer bars.")
            self._journal.results.add_take(take)
        except JournalError as error:
            log.error("take.not_kept", request_id=take.request_id, error=error.sentence)
            self.finish(job.owner, failed(take.request_id, error))
            self.ask_to_stop(take.request_id, job, StopReason.DROP)
            return False
        job.takes += 1
        return True

    def finish(self, owner: str, final: Final) -> None:
        """Give a request its end, whether a worker has it or not."""
        job = self._jobs.get(final.request_id)
        if job is not None:
            job.ended = True
        self._endings.finish(owner, final, None if job is None else time.monotonic() - job.started)

    def _free(self, request_id: str) -> None:
        """Note that a worker is done with a request; one that was paused waits again."""
        job = self._jobs.pop(request_id, None)
        if job is not None and job.stopping is StopReason.PAUSE and not job.ended:
            self._put_back(request_id)
            return
        self._queue.done(request_id)
        if job is not None and not job.ended:  # it was let go before it heard of the cancellation
            self.finish(job.owner, Cancelled(request_id=request_id, takes=job.takes))

    def _put_back(self, request_id: str) -> None:
        self._queue.put_back(request_id)
        with quietly("requeue"):  # the queue is right, and what is running counts as waiting at the next start
            self._journal.requeue(request_id)

    def _lost(self, report: Lost) -> None:
        """Note that a worker died: try once more from the last state, then fail with the best take."""
        job = self._jobs.pop(report.request_id, None)
        if job is None:
            return
        if job.ended:
            self._queue.done(report.request_id)
        elif job.stopping is StopReason.PAUSE or not self._gives_up(report.request_id, job):
            self._put_back(report.request_id)
            self._dispatch.event(job.owner, _beginning(report.request_id, "starting again"))
        else:
            self._queue.done(report.request_id)
            self._give_up(report, job)

    def _gives_up(self, request_id: str, job: RunningJob) -> bool:
        if job.stopping is StopReason.CANCEL:
            return True
        try:
            return self._journal.count_crash(request_id) >= MAX_CRASHES
        except JournalError:
            return True  # nobody would count, and it might go round for ever

    def _give_up(self, report: Lost, job: RunningJob) -> None:
        kept = self._rescue(report.request_id, job)
        if job.stopping is StopReason.CANCEL:
            self.finish(job.owner, Cancelled(request_id=report.request_id, takes=kept))
            return
        remedy = "The last preview was kept as a take. " if kept else ""
        self.finish(
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
        try:
            preview = self._journal.results.last_preview(request_id)
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
            self._journal.results.add_take(take)
        except DittoError as error:
            log.error("take.not_rescued", request_id=request_id, error=error.sentence)
            return job.takes
        self._dispatch.event(job.owner, take)
        return 1


def _beginning(request_id: str, phase: str) -> Progress:
    return Progress(request_id=request_id, take=0, step=0, steps=0, seconds_left=-1.0, losses={}, phase=phase)
