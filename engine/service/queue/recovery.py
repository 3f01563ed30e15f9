"""Requests whose worker stops or dies: each waits again, or ends with its best take."""

from dataclasses import dataclass

import structlog

from ...errors import DittoError
from ...events import Cancelled, Failed, Phase, Take
from ..workers.executor import Lost
from .dispatch import Dispatch
from .endings import Endings, quietly
from .journal import Journal, JournalError
from .request_queue import RequestQueue
from .running_job import RunningJob, StopReason, beginning

log = structlog.get_logger("ditto.scheduler")

MAX_CRASHES = 2  # a request that kills its worker twice fails with its best take


@dataclass(frozen=True, slots=True)
class Recovery:
    """Sends requests back to the queue, or gives them their end. Threads: the loop's."""

    journal: Journal
    dispatch: Dispatch
    queue: RequestQueue
    endings: Endings

    def put_back(self, request_id: str) -> None:
        """Have a request wait again, in its place."""
        self.queue.put_back(request_id)
        with quietly("requeue"):  # the queue is right, and what is running counts as waiting at the next start
            self.journal.requeue(request_id)

    def lost(self, report: Lost, job: RunningJob) -> None:
        """Note that a worker died: try once more from the last state, then fail with the best take."""
        if job.ended:
            self.queue.done(report.request_id)
        elif job.stopping is StopReason.PAUSE or not self._gives_up(report.request_id, job):
            self.put_back(report.request_id)
            self.dispatch.event(job.owner, beginning(report.request_id, Phase.RESTARTING))
        else:
            self.queue.done(report.request_id)
            self._give_up(report, job)

    def _gives_up(self, request_id: str, job: RunningJob) -> bool:
        if job.stopping is StopReason.CANCEL:
            return True
        try:
            return self.journal.count_crash(request_id) >= MAX_CRASHES
        except JournalError:
            return True  # nobody would count, and it might go round for ever

    def _give_up(self, report: Lost, job: RunningJob) -> None:
        kept = self._rescue(report.request_id, job)
        if job.stopping is StopReason.CANCEL:
            self.endings.finish(job.owner, Cancelled(request_id=report.request_id, takes=kept), None)
            return
        remedy = "The last preview was kept as a take. " if kept else ""
        failed = Failed(
            request_id=report.request_id,
            code="worker_crashed",
            sentence=f"{report.sentence.removesuffix('.')}, and so it was before.",
            remedy=remedy + "Ask for fewer bars, a smaller model or quality `draft`.",
        )
        self.endings.finish(job.owner, failed, None)

    def _rescue(self, request_id: str, job: RunningJob) -> int:
        """Make a take of the last preview where there is none; return how many takes there are."""
        try:
            preview = self.journal.results.last_preview(request_id)
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
            self.journal.results.add_take(take)
        except DittoError as error:
            log.error("take.not_rescued", request_id=request_id, error=error.sentence)
            return job.takes
        self.dispatch.event(job.owner, take)
        return 1
