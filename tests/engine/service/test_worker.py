"""The worker: one request at a time, every failure an event, and no life without its engine."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from engine.errors import BadRequestError, NonFiniteLossError
from engine.events import Cancelled, Checkpoint, Done, Event, Failed, Progress, Stems, Take
from engine.request import LoopRequest, Method
from engine.service.workers import pipe
from engine.service.workers.jobs import find
from engine.service.workers.toy import ToyJobs
from engine.service.workers.worker import Worker, failure
from engine.service.workers.worker_options import WorkerOptions
from engine.settings import Settings


class Script:
    """Jobs that do what a test says."""

    model = "script"

    def __init__(self, work: Callable[[Callable[[], bool]], Iterator[Event | Checkpoint]]) -> None:
        self._work = work

    def prepare(self, name: str, say: Callable[[float, str], None]) -> None:
        if name == "broken":
            raise ValueError(name)
        say(0.5, "half")

    def run(
        self, request: LoopRequest, resume: bytes | None, stopped: Callable[[], bool], say: Callable[[float, str], None]
    ) -> Iterator[Event | Checkpoint]:
        return self._work(stopped)


def _reports(work: Callable[[Callable[[], bool]], Iterator[Event | Checkpoint]]) -> list[pipe.Report]:
    reports: list[pipe.Report] = []
    Worker(Script(work), reports.append).make(pipe.Run(request=LoopRequest(request_id="r")))  # type: ignore[arg-type]
    return [report for report in reports if not isinstance(report, pipe.WorkerStatus)]


def test_an_end_is_added_where_there_is_none() -> None:
    """Jobs that just stop have ended well; the last report is that the worker is free."""
    assert _reports(lambda stopped: iter(())) == [
        pipe.EventReport(event=Done(request_id="r", takes=0)),
        pipe.Ended(request_id="r"),
    ]


def test_stems_are_said_and_are_no_takes() -> None:
    """A request for stems has them behind each take, and its end counts the takes alone."""
    reports: list[pipe.Report] = []
    asked = LoopRequest(request_id="r", bars=1, count=2, stems=True, method=Method.NONE)
    Worker(ToyJobs(Settings()), reports.append).make(pipe.Run(request=asked))
    told = [report.event for report in reports if isinstance(report, pipe.EventReport)]
    assert [type(event) for event in told] == [Take, Stems, Take, Stems, Done]
    assert isinstance(told[-1], Done)
    assert told[-1].takes == 2
    assert all(pipe.decode_report(pipe.encoded(report)[4:]) == report for report in reports)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NonFiniteLossError("The loss of intensity is nan."), "non_finite_loss"),
        (MemoryError(), "out_of_memory"), (type("OutOfMemoryError", (RuntimeError,), {})(), "out_of_memory"),
        (ZeroDivisionError(), "internal"),
    ],
)  # fmt: skip
def test_every_failure_is_an_event(error: Exception, code: str) -> None:
    """Whatever is raised, the producer hears one sentence, and the worker is free."""

    def work(_stopped: Callable[[], bool]) -> Iterator[Event]:
        yield Progress(request_id="r", take=0, step=1, steps=2, seconds_left=1.0, losses={})
        raise error

    *_, said, ended = _reports(work)
    assert isinstance(said, pipe.EventReport)
    assert isinstance(said.event, Failed)
    assert said.event.code == code == failure("r", error).code
    assert ended == pipe.Ended(request_id="r")


@pytest.mark.parametrize("keep", [True, False])
def test_a_stopped_request(keep: bool) -> None:
    """Kept, it ends as cancelled; dropped, it ends without a word, since its end was told already."""
    reports: list[pipe.Report] = []

    def work(stopped: Callable[[], bool]) -> Iterator[Event]:
        yield Progress(request_id="r", take=0, step=1, steps=2, seconds_left=1.0, losses={})
        worker.stop(pipe.Stop(request_id="r", keep=keep))
        assert stopped()
        yield Progress(request_id="r", take=0, step=2, steps=2, seconds_left=1.0, losses={})

    worker = Worker(Script(work), reports.append)  # type: ignore[arg-type]
    worker.make(pipe.Run(request=LoopRequest(request_id="r")))
    events = [type(report.event) for report in reports if isinstance(report, pipe.EventReport)]
    assert events == ([Progress, Progress, Cancelled] if keep else [Progress])


def test_a_model_that_breaks_while_loading_leaves_a_ready_worker() -> None:
    """Other models can still be asked for."""
    reports: list[pipe.Report] = []
    Worker(Script(lambda stopped: iter(())), reports.append).prepare("broken")  # type: ignore[arg-type]
    assert isinstance(reports[-1], pipe.WorkerStatus)
    assert reports[-1].state == "ready"


def test_messages_survive_the_pipe() -> None:
    """Orders and reports come out as they went in; a torn one counts as the end."""
    stream = io.BytesIO()
    orders = [pipe.Run(request=LoopRequest(prompt="x"), resume=b"s"), pipe.Stop(request_id="r", keep=True)]
    for order in orders:
        pipe.write(stream, order)
    stream.seek(0)
    assert [pipe.read_order(stream), pipe.read_order(stream), pipe.read_order(stream)] == [*orders, None]
    torn = io.BytesIO(stream.getvalue()[:-3])
    assert [pipe.read_order(torn), pipe.read_order(torn)] == [orders[0], None]


def test_what_is_no_message_is_refused() -> None:
    """A length that no message has is not waited for."""
    with pytest.raises(BadRequestError):
        pipe.read_report(io.BytesIO(b"\xff\xff\xff\xff"))


def test_a_worker_ends_with_its_engine(tmp_path: Path) -> None:
    """When the pipe from the engine closes the process goes, even in the middle of a request."""
    settings = Settings(home=tmp_path, takes=tmp_path, models=tmp_path)
    options = WorkerOptions.of(settings, jobs="engine.service.workers.toy:ToyJobs")
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.service.workers.worker", msgspec.json.encode(options).decode()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=sys.platform != "win32",  # as it has: stepping back weighs its whole session
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    pipe.write(process.stdin, pipe.Run(request=LoopRequest(prompt="toy: steps=1000 pause=1")))  # type: ignore[arg-type]
    while not isinstance(pipe.read_report(process.stdout), pipe.EventReport):  # type: ignore[arg-type]
        pass
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()


def test_a_factory_is_found_by_name() -> None:
    """`module:name` names what makes loops; anything else is refused in words."""
    assert find("engine.service.workers.toy:ToyJobs") is ToyJobs
    with pytest.raises(BadRequestError, match="module:name"):
        find("engine.service.workers.toy:Nothing")
