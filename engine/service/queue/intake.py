"""How requests come in: put on disk in one commit, queued, and answered; a newer one of a slot replaces an older."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import BadRequestError, DittoError, EngineUnavailableError
from ...events import Accepted, Event, Superseded
from ..messages import Priority, Submission
from .endings import Endings, failed
from .journal import Acceptance, Entry, Journal
from .request_queue import RequestQueue, Waiting
from .running import RunningJobs
from .running_job import StopReason

MAX_QUEUED = 10_000


@dataclass(slots=True)
class Intake:
    """Accepts submissions while it is `open`. Threads: the loop's."""

    journal: Journal
    queue: RequestQueue
    running: RunningJobs
    endings: Endings
    open: bool = True

    def accept(self, submissions: Sequence[Submission]) -> list[Event]:
        """Put all on disk in one commit and return what to answer to each, in order."""
        room = MAX_QUEUED - len(self.queue) if self.open else 0
        taken, refused = submissions[:room], submissions[room:]
        try:
            outcomes = self.journal.accept(taken, time.time())
        except DittoError as error:
            return [failed(submission.request.request_id, error) for submission in submissions]
        pairs = zip(taken, outcomes, strict=True)
        answers = [self._welcome(submission, outcome) for submission, outcome in pairs]
        return answers + [failed(submission.request.request_id, self._no_room()) for submission in refused]

    def queue_up(self, entry: Entry) -> None:
        """Have a request wait for a worker; those that it replaces end as superseded."""
        interactive = entry.priority is Priority.INTERACTIVE
        waiting = Waiting(entry.request_id, entry.owner, entry.slot, interactive)
        for replaced in self.queue.add(waiting):
            self._supersede(replaced, by=entry.request_id)

    def _no_room(self) -> DittoError:
        if not self.open:
            return EngineUnavailableError("The engine is stopping.", remedy="Ask again when it has started anew.")
        return EngineUnavailableError(
            f"{MAX_QUEUED:,} requests are waiting already.", remedy="Wait until some are done."
        )

    def _welcome(self, submission: Submission, outcome: Acceptance) -> Event:
        request_id = submission.request.request_id
        entry = self.journal.entry(request_id)
        if outcome is Acceptance.CONFLICT or entry is None:
            sentence = f"The request id {request_id} belongs to another request already."
            return failed(request_id, BadRequestError(sentence, remedy="Give every request an id of its own."))
        if outcome is Acceptance.NEW:
            self.queue_up(entry)
        return Accepted(request_id=request_id, queue_position=self.queue.position(request_id))

    def _supersede(self, request_id: str, *, by: str) -> None:
        entry = self.journal.entry(request_id)
        if entry is None or self.endings.is_over(entry):
            return
        self.running.finish(entry.owner, Superseded(request_id=request_id, by=by))
        if (job := self.running.get(request_id)) is not None:
            self.running.ask_to_stop(request_id, job, StopReason.DROP)
