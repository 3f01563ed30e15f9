"""Workers as processes: their reports arrive, their deaths and hangs are noticed and said."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.events import Done, Failed, Progress, Take
from engine.request import LoopRequest
from engine.service.child_process import describe_exit
from engine.service.transport import run
from engine.service.workers import pipe
from engine.service.workers.executor import Executor, Lost, Report
from engine.service.workers.local import LocalExecutor, Timeouts
from engine.service.workers.worker_options import WorkerOptions
from engine.settings import Settings

TOY = "engine.service.workers.toy:ToyJobs"


def _options(folder: Path, jobs: str = TOY, model: str = "toy") -> WorkerOptions:
    return WorkerOptions.of(Settings(home=folder, takes=folder, models=folder), jobs=jobs, model=model)


class Ear:
    """Collects reports and waits for one."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.heard: list[Report] = []

    async def until(self, wanted: Callable[[], object], seconds: float = 20.0) -> None:
        for _ in range(int(seconds / 0.02)):
            self.executor.check()
            if wanted():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"nothing of the kind came; heard {[type(one).__name__ for one in self.heard]}")

    def has(self, kind: type) -> bool:
        return any(isinstance(one.event if isinstance(one, pipe.EventReport) else one, kind) for one in self.heard)


def _with(executor: Callable[[], Executor], story: Callable[[Executor, Ear], Awaitable[None]]) -> None:
    async def main() -> None:
        made = executor()
        ear = Ear(made)
        made.start(ear.heard.append)
        try:
            await ear.until(lambda: made.free() == made.capacity, 60)
            await story(made, ear)
        finally:
            made.close()

    run(main())


def _request(orders: str = "", request_id: str = "r") -> LoopRequest:
    return LoopRequest(prompt=f"toy: {orders}", request_id=request_id, bars=1)


def test_a_request_is_made(tmp_path: Path) -> None:
    """Progress, a saved state, a take, an end; and the worker is free again."""

    async def story(executor: Executor, ear: Ear) -> None:
        executor.run(_request("steps=3"), None)
        assert executor.free() == 0
        await ear.until(lambda: ear.has(pipe.Ended))
        assert all(ear.has(kind) for kind in (Progress, pipe.Saved, Take, Done))
        await ear.until(lambda: executor.free() == 1)

    _with(lambda: LocalExecutor(_options(tmp_path)), story)


def test_a_resumed_request_goes_on_where_it_was(tmp_path: Path) -> None:
    """The saved state of step 3 of 5 is followed by steps 4 and 5."""

    async def story(executor: Executor, ear: Ear) -> None:
        executor.run(_request("steps=5"), b"3")
        await ear.until(lambda: ear.has(pipe.Ended))
        steps = [r.event.step for r in ear.heard if isinstance(r, pipe.EventReport) and isinstance(r.event, Progress)]
        assert steps == [4, 5]

    _with(lambda: LocalExecutor(_options(tmp_path)), story)


@pytest.mark.parametrize(
    ("orders", "words"),
    [("steps=3 crash=1", "memory"), ("steps=3 hang=1", "one step took")],
)
def test_a_dead_or_hanging_worker_is_noticed_and_replaced(tmp_path: Path, orders: str, words: str) -> None:
    """The loss is reported with its reason in words, and a new worker is ready for the next request."""
    if "crash" in orders and sys.platform == "win32":
        pytest.skip("Windows has no kill -9, and so other words for it")

    async def story(executor: Executor, ear: Ear) -> None:
        executor.run(_request(orders), None)
        await ear.until(lambda: ear.has(Lost))
        (lost,) = [report for report in ear.heard if isinstance(report, Lost)]
        assert words in lost.sentence
        await ear.until(lambda: executor.free() == 1)
        executor.run(_request("steps=1", "next"), None)
        await ear.until(lambda: ear.has(Done))

    _with(lambda: LocalExecutor(_options(tmp_path), timeouts=Timeouts(step_seconds=1.0)), story)


def test_a_frozen_worker_is_noticed(tmp_path: Path) -> None:
    """A process that gives no sign of life at all is ended."""
    if sys.platform == "win32":
        pytest.skip("Windows cannot freeze a process by a signal")

    async def story(executor: Executor, ear: Ear) -> None:
        assert isinstance(executor, LocalExecutor)
        executor.run(_request("steps=100 pause=0.1"), None)
        await ear.until(lambda: ear.has(Progress))
        os.kill(executor.process_ids[0], signal.SIGSTOP)
        await ear.until(lambda: ear.has(Lost))

    _with(lambda: LocalExecutor(_options(tmp_path), timeouts=Timeouts(silent_seconds=2.5)), story)


def test_a_worker_is_not_blamed_for_the_time_in_which_nobody_listened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The computer slept, or the engine was stopped, for an hour: the worker goes on with its request."""
    slept = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + slept[0])
    monkeypatch.setattr("engine.service.workers.local.time", clock)

    async def story(executor: Executor, ear: Ear) -> None:
        assert isinstance(executor, LocalExecutor)
        executor.run(_request("steps=3 pause=0.3"), None)
        await ear.until(lambda: ear.has(Progress))
        (before,) = executor.process_ids
        executor.check()
        slept[0] = 3_600.0
        executor.check()
        await ear.until(lambda: ear.has(Done))
        assert executor.process_ids == (before,)
        assert not ear.has(Lost)

    _with(lambda: LocalExecutor(_options(tmp_path)), story)


def test_errors_are_events_and_the_worker_lives_on(tmp_path: Path) -> None:
    """Out of memory and faults are told to the producer; the same process takes the next request."""

    async def story(executor: Executor, ear: Ear) -> None:
        assert isinstance(executor, LocalExecutor)
        before = executor.process_ids
        for number, orders in enumerate(("steps=3 memory=1", "steps=3 error=1")):
            ear.heard.clear()
            executor.run(_request(orders, f"r{number}"), None)
            await ear.until(lambda: ear.has(pipe.Ended))
            assert ear.has(Failed)
        assert executor.process_ids == before

    _with(lambda: LocalExecutor(_options(tmp_path)), story)


@pytest.mark.parametrize("keep", [True, False])
def test_a_stop_is_heard_between_two_steps(tmp_path: Path, keep: bool) -> None:
    """With `keep` the best take comes first; without, nothing more comes but the end of the work."""

    async def story(executor: Executor, ear: Ear) -> None:
        executor.run(_request("steps=1000 pause=0.02"), None)
        await ear.until(lambda: ear.has(Progress))
        executor.stop("r", keep=keep)
        await ear.until(lambda: ear.has(pipe.Ended))
        assert ear.has(Take) is keep

    _with(lambda: LocalExecutor(_options(tmp_path)), story)


def test_a_worker_that_never_starts_is_said(tmp_path: Path) -> None:
    """After three tries there is a sentence about it, and no storm of processes."""

    async def main() -> None:
        executor = LocalExecutor(_options(tmp_path, "engine.no_such:Jobs"), timeouts=Timeouts(restart_seconds=0.01))
        ear = Ear(executor)
        executor.start(ear.heard.append)
        try:
            await ear.until(executor.failure, 60)
            assert "does not start" in executor.failure()
        finally:
            executor.close()

    run(main())


def test_a_model_that_cannot_be_loaded_does_not_stop_the_worker(tmp_path: Path) -> None:
    """The worker is ready all the same, and a request for that model fails in words."""

    async def story(executor: Executor, ear: Ear) -> None:
        request = LoopRequest(model="no-such-model", request_id="r")
        executor.run(request, None)
        await ear.until(lambda: ear.has(pipe.Ended))
        assert ear.has(Failed)

    _with(lambda: LocalExecutor(_options(tmp_path, "engine.service.workers.jobs:ModelJobs", "no-such-model")), story)


def test_exits_have_words() -> None:
    """A code becomes a sentence's end."""
    assert "memory" in describe_exit(-9)
    assert describe_exit(-11) == "it was ended by signal 11"
    assert describe_exit(3) == "it ended with code 3"


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    """Run a small cluster on this computer, or skip."""
    ray = pytest.importorskip("ray", reason="Ray (the extra `cluster`) is not installed here")
    root = str(Path(__file__).parents[3])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        runtime_env={"env_vars": {"PYTHONPATH": root}},
    )
    yield
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_two_actors_make_the_same_and_a_lost_one_is_reported(tmp_path: Path, ray_here: None) -> None:
    """On a cluster the same requests give the same takes, and a killed actor's request is lost, then retried."""
    from engine.service.workers.cluster import RayExecutor

    made: dict[str, list[Take]] = {}
    for name, executor in (
        ("local", lambda: LocalExecutor(_options(tmp_path), workers=2)),
        ("ray", lambda: RayExecutor(_options(tmp_path), workers=2)),
    ):

        async def story(executor: Executor, ear: Ear, name: str = name) -> None:
            for number in range(2):
                executor.run(_request("steps=3", f"r{number}"), None)
            assert executor.free() == 0
            await ear.until(lambda: sum(isinstance(report, pipe.Ended) for report in ear.heard) == 2, 60)
            takes = [r.event for r in ear.heard if isinstance(r, pipe.EventReport) and isinstance(r.event, Take)]
            made[name] = sorted(takes, key=lambda take: take.request_id)
            executor.run(_request("steps=3 crash=1", "c"), None)
            await ear.until(lambda: ear.has(Lost), 60)
            await ear.until(lambda: executor.free() == 2, 60)
            executor.run(_request("steps=3 crash=1", "c"), b"1")
            await ear.until(lambda: sum(isinstance(report, pipe.Ended) for report in ear.heard) == 3, 60)

        _with(executor, story)
    assert made["ray"] == made["local"]
