"""Workers that do what a test says, and the parts of a queue on a journal of their own, for tests of single parts."""

from pathlib import Path

from engine.events import Event, Sound, Take
from engine.request import LoopRequest
from engine.service.messages import EngineState, Job, Submission
from engine.service.queue.dispatch import Dispatch
from engine.service.queue.endings import Endings
from engine.service.queue.journal import Journal
from engine.service.queue.request_queue import RequestQueue, Waiting
from engine.service.workers import pipe
from engine.service.workers.executor import Listener, Lost

SOUND = Sound(samples=bytes(8), sample_rate=44_100)


class Hands:
    """An executor whose workers do what the test says; meets `Executor`."""

    def __init__(self, capacity: int = 1) -> None:
        self.capacity = capacity
        self.at: dict[str, bytes | None] = {}
        self.stopped: dict[str, bool] = {}
        self.broken = ""

    def start(self, listener: Listener) -> None:
        self.report = listener

    def free(self) -> int:
        return 0 if self.broken else self.capacity - len(self.at)

    def run(self, request: LoopRequest, resume: bytes | None) -> None:
        self.at[request.request_id] = resume

    def stop(self, request_id: str, *, keep: bool) -> None:
        self.stopped[request_id] = keep

    def abandon(self, request_id: str) -> None:
        self.lose(request_id)

    def check(self) -> None:
        return

    def statuses(self) -> tuple[pipe.WorkerStatus, ...]:
        return (pipe.WorkerStatus(state=EngineState.READY),)

    def failure(self) -> str:
        return self.broken

    def close(self) -> None:
        return

    def say(self, event: Event) -> None:
        self.report(pipe.EventReport(event=event))

    def end(self, request_id: str, final: Event | None = None) -> None:
        """Send a take and an end, or stop without a word, and be free."""
        if final is not None:
            self.say(final)
        self.at.pop(request_id)
        self.stopped.pop(request_id, None)
        self.report(pipe.Ended(request_id=request_id))

    def lose(self, request_id: str) -> None:
        self.at.pop(request_id)
        self.stopped.pop(request_id, None)
        self.report(Lost(request_id=request_id, sentence="The worker stopped in the middle of it."))


class Parts:
    """A journal, a queue, a dispatch and endings, without a scheduler; `told` is what clients heard."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path)
        self.told: list[Event | Job] = []
        self.dispatch = Dispatch(self.journal, self._tell)
        self.queue = RequestQueue()
        self.endings = Endings(self.journal, self.dispatch)

    def _tell(self, _owner: str, event: Event | Job) -> bool:
        self.told.append(event)
        return True

    @staticmethod
    def request(request_id: str, *, prompt: str = "x", slot: str = "") -> LoopRequest:
        return LoopRequest(request_id=request_id, prompt=prompt, slot=slot, seed=1)

    def submission(self, request_id: str, *, prompt: str = "x", slot: str = "") -> Submission:
        return Submission(request=self.request(request_id, prompt=prompt, slot=slot), owner="me")

    def running(self, request_id: str) -> Waiting:
        """Have a request accepted, queued and taken, as one that a worker has."""
        self.journal.accept([self.submission(request_id)], 1.0)
        self.queue.add(Waiting(request_id, "me"))
        taken = self.queue.take()
        assert taken is not None
        return taken

    def take(self, request_id: str, number: int = 0, sound: Sound = SOUND) -> Take:
        return Take(request_id=request_id, take=number, sound=sound, scores={}, noise=b"", record={})
