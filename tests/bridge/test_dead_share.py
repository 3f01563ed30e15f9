"""A disk or network share that hangs or is gone: requests end in a sentence, others go on, and no take is lost."""

import errno
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.osc.client import OscClient
from bridge.osc.codec import OscMessage
from bridge.requests.file_threads import WRITING
from bridge.takes import delivery, file_side
from bridge.testing import Service, make_service
from engine.request import LoopRequest


class Share:
    """The folder of takes: what is written there waits while it is `away`, or is refused while it is `broken`."""

    def __init__(self) -> None:
        self.is_broken = False
        self.back = threading.Event()
        self._write_take = delivery.write_take

    def write_take(self, folder: Path, *arguments: Any, **options: Any) -> Any:
        self.back.wait()
        if self.is_broken:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected", str(folder / "loop.wav"))
        return self._write_take(folder, *arguments, **options)


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Share:
    made = Share()
    monkeypatch.setattr(delivery, "write_take", made.write_take)
    monkeypatch.setattr(file_side, "WRITING", replace(WRITING, seconds=0.3, hung_seconds=0.1))
    return made


@pytest.fixture
def served(tmp_path: Path, share: Share) -> Iterator[Service]:
    """Return a service whose takes go to the share."""
    service = make_service(tmp_path)
    service.start_engine()
    service.start_bridge()
    yield service
    share.back.set()
    service.close()


def _ask(device: OscClient, request: LoopRequest) -> OscMessage:
    return list(device.make(request, seconds=60))[-1]


def test_a_take_that_cannot_be_written_ends_its_request_and_comes_later(served: Service, share: Share) -> None:
    """The share hangs, for more takes than may be on their way: each is a sentence. It is back: all of them come."""
    requests = [LoopRequest(prompt=f"toy: steps={n}", bars=1, slot=f"s{n}") for n in range(6)]
    with OscClient(served.port, instance="device") as device:
        for request in requests:
            ended = _ask(device, request)
            assert ended.path == "/ditto/error"
            assert "could not be written within" in str(ended.values[2])
            assert "The engine keeps the take" in str(ended.values[3])
    share.back.set()
    with OscClient(served.port, instance="device") as device:
        for request in requests:
            ended = _ask(device, request)
            assert ended.path == "/ditto/done"  # not its old end once more
            assert Path(str(ended.values[4])).exists()


def test_a_share_that_is_gone_is_said_in_the_systems_own_words(served: Service, share: Share) -> None:
    """Not as a fault of ours; and the next take is written when it is there again."""
    share.back.set()
    share.is_broken = True
    request = LoopRequest(prompt="toy: steps=1", bars=1)
    with OscClient(served.port, instance="device") as device:
        ended = _ask(device, request)
        assert ended.values[1] == "bad_input"
        assert "Transport endpoint is not connected" in str(ended.values[2])
        share.is_broken = False
        assert _ask(device, LoopRequest(prompt="toy: steps=1", bars=1)).path == "/ditto/done"


def test_a_thread_that_waits_for_a_file_does_not_hold_up_the_end() -> None:
    """Python waits for all threads at its end; the process ends all the same, with its code."""
    program = (
        "import threading\nfrom bridge.requests import file_threads\nfile_threads.CLOSE_SECONDS = 0.1\n"
        "threading.Thread(target=threading.Event().wait).start()\nfile_threads.leave_what_hangs(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 7
    done = "from bridge.requests import file_threads\nfile_threads.leave_what_hangs(7)\n"
    assert subprocess.run([sys.executable, "-c", done], timeout=60, check=False).returncode == 0
