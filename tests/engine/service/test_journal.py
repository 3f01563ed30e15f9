"""The journal: accepted is on disk, results stay until acknowledged, one engine at a time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from engine.events import Done, Preview, Sound, Take
from engine.request import LoopRequest
from engine.service.messages import RequestStatus, Submission
from engine.service.queue.journal import (
    Journal,
    JournalError,
)
from engine.service.queue.journal_file import LOG_BYTES
from engine.service.queue.upkeep import KEEP_ANSWERED_SECONDS, KEEP_UNCLAIMED_SECONDS, RUN_UNCLAIMED_SECONDS

SOUND = Sound(samples=bytes(16), sample_rate=44_100)


def _submission(request_id: str = "r1", prompt: str = "x", owner: str = "me") -> Submission:
    return Submission(request=LoopRequest(prompt=prompt, request_id=request_id), owner=owner, tag="t")


def _take(number: int = 0) -> Take:
    return Take(request_id="r1", take=number, sound=SOUND, scores={"a": 1.0, "b": None}, noise=b"n", record={"k": [1]})


def test_what_was_accepted_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    """Closing and opening keeps jobs in order; what was running waits again."""
    journal = Journal(tmp_path / "j")
    assert journal.accept([_submission("r1"), _submission("r2")], 1.0) == ["new", "new"]
    journal.start("r1")
    journal.close()
    again = Journal(tmp_path / "j")
    assert [entry.request_id for entry in again.unfinished()] == ["r1", "r2"]
    assert again.request("r1") == _submission("r1").request
    again.close()


def test_what_was_said_of_a_request_goes_with_its_words(tmp_path: Path) -> None:
    """Its client's sentences, then the engine's, each once; they go when everything is acknowledged."""
    journal = Journal(tmp_path / "j")
    journal.accept([msgspec.structs.replace(_submission(), remarks=("Seed 3 was chosen.", "A note."))], 1.0)
    journal.close()
    again = Journal(tmp_path / "j")
    for _ in range(2):  # a resumed request is read once more
        again.remarks.add("r1", ("In A minor.", "A note."))
    assert again.remarks.of("r1") == ("Seed 3 was chosen.", "A note.", "In A minor.")
    again.finish("r1", Done(request_id="r1", takes=0), 2.0)
    assert again.remarks.of("r1")
    again.acknowledge_end("r1")
    assert again.remarks.of("r1") == ()
    again.close()


def test_a_killed_process_leaves_what_it_accepted(tmp_path: Path) -> None:
    """After `kill -9` right behind the acceptance the journal opens and has the job."""
    program = (
        "import os, pathlib, signal, sys\n"
        "from engine.service.queue.journal import Journal\n"
        "from engine.service.messages import Submission\n"
        "from engine.request import LoopRequest\n"
        "journal = Journal(pathlib.Path(sys.argv[1]))\n"
        "journal.accept([Submission(request=LoopRequest(request_id='r1'), owner='me')], 1.0)\n"
        "os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "j")], check=False, timeout=60)
    journal = Journal(tmp_path / "j")
    assert [entry.request_id for entry in journal.unfinished()] == ["r1"]
    journal.close()


def test_the_same_again_is_known_and_another_is_a_conflict(tmp_path: Path) -> None:
    """An id belongs to one request of one owner, also after its end was acknowledged."""
    journal = Journal(tmp_path / "j")
    journal.accept([_submission()], 1.0)
    for _state in ("queued", "answered"):
        assert journal.accept([_submission()], 2.0) == ["known"]
        assert journal.accept([_submission(prompt="other")], 2.0) == ["conflict"]
        assert journal.accept([_submission(owner="you")], 2.0) == ["conflict"]
        journal.finish("r1", Done(request_id="r1", takes=0), 3.0)
        journal.acknowledge_end("r1")
    journal.close()


def test_results_stay_until_they_are_acknowledged(tmp_path: Path) -> None:
    """Takes go one by one as they are safe elsewhere; the end, with the words, at the end."""
    journal = Journal(tmp_path / "j")
    journal.accept([_submission(prompt="secret words")], 1.0)
    for number in range(2):
        journal.results.add_take(_take(number))
    journal.finish("r1", Done(request_id="r1", takes=2), 2.0)
    assert [journal.results.take("r1", number) for number in journal.results.take_numbers("r1")] == [_take(0), _take(1)]
    journal.results.acknowledge_take("r1", 0)
    assert journal.results.take_numbers("r1") == [1]
    assert journal.results.take("r1", 0) is None
    assert [entry.status for entry in journal.unanswered("me")] == [RequestStatus.FINISHED]
    journal.acknowledge_end("r1")
    assert journal.results.take_numbers("r1") == []
    assert journal.unanswered("me") == []
    assert journal.final("r1") == Done(request_id="r1", takes=2)
    journal.close()
    assert all(b"secret words" not in path.read_bytes() for path in tmp_path.iterdir())


def test_a_take_that_a_power_cut_lost_is_made_again(tmp_path: Path) -> None:
    """When the file of results is older than the journal, the job waits again instead of ending without its take."""
    journal = Journal(tmp_path / "j")
    journal.accept([_submission()], 1.0)
    journal.results.add_take(_take())
    journal.finish("r1", Done(request_id="r1", takes=1), 2.0)
    journal.close()
    for path in tmp_path.glob("j.results*"):
        path.unlink()
    again = Journal(tmp_path / "j")
    assert [entry.status for entry in again.unfinished()] == [RequestStatus.QUEUED]
    assert again.final("r1") is None
    again.close()


def test_an_end_that_is_not_there_cannot_be_acknowledged(tmp_path: Path) -> None:
    """An early or forged acknowledgement of a running job drops nothing."""
    journal = Journal(tmp_path / "j")
    journal.accept([_submission()], 1.0)
    journal.results.add_take(_take())
    journal.acknowledge_end("r1")
    assert journal.results.take_numbers("r1") == [0]
    assert len(journal.unfinished()) == 1
    journal.close()


def test_states_and_crashes_are_kept(tmp_path: Path) -> None:
    """A resumption has the last saved state, the last preview and the count of crashes."""
    journal = Journal(tmp_path / "j")
    journal.accept([_submission()], 1.0)
    preview = Preview(request_id="r1", take=0, step=4, sound=SOUND)
    journal.results.save("r1", b"state")
    journal.results.keep_preview(preview)
    assert [journal.count_crash("r1"), journal.count_crash("r1")] == [1, 2]
    assert journal.results.saved_state("r1") == b"state"
    assert journal.results.last_preview("r1") == preview
    journal.finish("r1", Done(request_id="r1", takes=0), 2.0)
    assert journal.results.saved_state("r1") is None
    journal.close()


def test_old_jobs_are_swept(tmp_path: Path) -> None:
    """Answered jobs go after a week, unclaimed ones after a month, unfinished ones never."""
    journal = Journal(tmp_path / "j")
    journal.accept([_submission("answered"), _submission("unclaimed"), _submission("waiting")], 0.0)
    for request_id in ("answered", "unclaimed"):
        journal.finish(request_id, Done(request_id=request_id, takes=0), 0.0)
    journal.acknowledge_end("answered")
    assert journal.sweep(KEEP_ANSWERED_SECONDS - 1, RUN_UNCLAIMED_SECONDS) == 0
    assert journal.sweep(KEEP_ANSWERED_SECONDS + 1, 0.0) == 1
    assert journal.sweep(KEEP_UNCLAIMED_SECONDS + 1, 0.0) == 1
    assert [entry.request_id for entry in journal.unfinished()] == ["waiting"]
    journal.close()


def test_the_log_has_its_room_and_is_folded_while_jobs_are_accepted(tmp_path: Path) -> None:
    """Commits need no new room on the disk, and another thread's folding neither stops nor loses one."""
    journal, log = Journal(tmp_path / "j"), tmp_path / "j-wal"
    before = log.stat().st_size
    assert before >= LOG_BYTES
    with ThreadPoolExecutor(1) as other:
        for start in range(0, 60, 20):
            folding = other.submit(journal.tidy)
            names = [f"r{number}" for number in range(start, start + 20)]
            assert all(journal.accept([_submission(name)], 1.0) == ["new"] for name in names)
            folding.result()
    assert log.stat().st_size == before
    journal.close()
    again = Journal(tmp_path / "j")
    assert len(again.unfinished()) == 60
    again.close()


def test_a_second_engine_is_refused(tmp_path: Path) -> None:
    """Two engines on one journal would make everything twice."""
    journal = Journal(tmp_path / "j")
    with pytest.raises(JournalError, match="cannot be used"):
        Journal(tmp_path / "j")
    journal.close()
