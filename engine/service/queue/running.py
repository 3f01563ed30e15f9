"""The requests that workers have, and the workers' reports about them."""

import time

import structlog

from ...events import Accepted, Cancelled, Event, Final, Phase, Preview, Stems, Take
from ..workers import pipe
from ..workers.executor import Executor, Lost, Report
from .dispatch import MAX_TAKE_BYTES, Dispatch, size_bytes
from .endings import Endings, failed, quietly
from .journal import Journal, JournalError
from .recovery import Recovery
from .request_queue import RequestQueue, Waiting
from .running_job import RunningJob, StopReason, beginning

log = structlog.get_logger("ditto.scheduler")


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
        self._recovery = Recovery(journal, dispatch, queue, endings)
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
        self._dispatch.event(item.owner, beginning(item.request_id, Phase.STARTING))

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

    def handle(self, report: Report) -> None:
        """Take in what a worker said."""
        match report:
            case pipe.EventReport():
                self._pass_on(report.event)
            case pipe.Saved() if report.request_id in self._jobs:
                with quietly("save"):  # it would be resumed from an earlier state
                    self._journal.results.save(report.request_id, report.state)
            case pipe.Ended():
                self._free(report.request_id)
            case Lost():
                if (job := self._jobs.pop(report.request_id, None)) is not None:
                    self._recovery.lost(report, job)

    def _pass_on(self, event: Event) -> None:
        job = self._jobs.get(event.request_id)
        if job is None or job.ended or job.stopping is StopReason.DROP:
            return
        if isinstance(event, Final):
            self.finish(job.owner, event)
            return
        if isinstance(event, Take) and not self._keep(job, event):
            return
        _keep_beside(self._journal, event)
        self._dispatch.event(job.owner, event)

    def _keep(self, job: RunningJob, take: Take) -> bool:
        """Store a take; where that fails its request fails, in words, and makes room for others."""
        try:
            _check_size(take)
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
            self._recovery.put_back(request_id)
            return
        self._queue.done(request_id)
        if job is not None and not job.ended:  # its worker was done before the cancellation came
            self.finish(job.owner, Cancelled(request_id=request_id, takes=job.takes))


def _keep_beside(journal: Journal, event: Event) -> None:
    """Store what is sent all the same, and what only a client that loses it misses."""
    match event:
        case Stems():
            with quietly("stems"):
                journal.results.add_stems(event)
        case Accepted() if event.notes:
            with quietly("remarks"):
                journal.remarks.add(event.request_id, event.notes)
        case Preview():
            with quietly("preview"):
                journal.results.keep_preview(event)


def _check_size(take: Take) -> None:
    """Refuse a take that no message could bring to its client."""
    if size_bytes(take) > MAX_TAKE_BYTES:
        raise JournalError("This take is larger than a message may be.", remedy="Ask for fewer bars.")
