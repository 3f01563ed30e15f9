"""A wall clock that jumps by years: only dates are taken from it, never a limit or an age on which a loop depends."""

import ast
import random
import time
from pathlib import Path

import pytest

from bridge.osc.client import OscClient
from bridge.testing import make_service
from engine.request import LoopRequest

ROOT = Path(__file__).parents[3]
# What a date is for: the name of a day's folder, a sidecar's date, and ages that also count how long an engine ran;
# and how old uploads are, whose files have dates only: one that goes too early is dropped on the page again.
DATES = {
    "bridge/page/server.py",
    "bridge/takes/delivery.py",
    "engine/service/queue/endings.py",
    "engine/service/queue/intake.py",
    "engine/service/server.py",
}


def _uses_wall_clock(file: Path) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call))
    return any(
        ast.unparse(call) in ("time.time", "time.time_ns", "datetime.datetime.now", "datetime.now", "datetime.utcnow")
        for call in calls
    )


def test_limits_are_counted_by_a_steady_clock() -> None:
    """Nothing of the service, the search, the bridge or the page asks for the time of day, but where a date is kept."""
    files = (path for folder in ("bridge", "engine", "midi") for path in (ROOT / folder).rglob("*.py"))
    found = {path.relative_to(ROOT).as_posix() for path in files if _uses_wall_clock(path)}
    assert {name for name in found if not name.startswith("engine/training")} <= DATES


def test_a_clock_that_jumps_while_loops_are_made_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To 1970, thirty years on and back, at every look at it: each request has its take within its usual time."""
    steady, chance = time.time, random.Random(3)
    monkeypatch.setattr(time, "time", lambda: chance.choice((10.0, steady(), steady() + 30 * 31_557_600)))
    service = make_service(tmp_path)
    service.start_engine()
    service.start_bridge()
    with OscClient(service.port) as device:
        for number in range(3):
            request = LoopRequest(prompt=f"toy: steps={2 + number} pause=0.02", bars=1)
            assert list(device.make(request, seconds=60))[-1].path == "/ditto/done"
    service.close()
    assert len(list(service.takes.rglob("*.wav"))) == 3
