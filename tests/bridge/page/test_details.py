"""One take in numbers: the outline holds every sample, and a line is drawn for whatever a control asked for."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.page.details import LINE_POINTS, OUTLINE_COLUMNS, described
from bridge.takes.delivery import write_take
from bridge.takes.library import StoredTake, find
from engine.events import Sound, Take
from engine.request import Audio, Control, Curve, LoopRequest, Notes, Number, Onsets, Point, Words
from midi.grooves.rhythm import Onset
from midi.notes import Note

RATE = 8_000
STEADY = Curve(points=(Point(Fraction(0), -20.0),))


def a_take(folder: Path, sound: np.ndarray, *controls: Control, bars: int = 1) -> StoredTake:
    """Return a take on disk with these samples [samples] on both sides."""
    request = LoopRequest(prompt="dub", bars=bars, seed=3, sample_rate=RATE, controls=controls)
    samples = np.repeat(np.resize(sound, request.samples)[:, None], 2, 1).astype("<f4")
    record = {"model": "pocket", "loss_curves": {"intensity": [3.0, 2.0, 1.0]}, "seconds_optimising": 1.5}
    take = Take(request_id=request.request_id, take=0, sound=Sound(samples=samples.tobytes(), sample_rate=RATE),
                scores={}, noise=b"", record=record, notes=("In A minor.",))  # fmt: skip
    return find(folder, write_take(folder, request, take).take_id)


@given(st.lists(st.floats(-0.9, 0.9), min_size=1, max_size=50), st.integers(1, 4))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_peak_is_missing_in_the_outline(tmp_path: Path, samples: list[float], bars: int) -> None:
    """However long the loop is: the lowest and the highest sample are those of the file, within its 24 bits."""
    whole = described(a_take(tmp_path, np.array(samples), bars=bars))
    low, high = (np.array(edge) for edge in whole["outline"])
    sound = np.resize(np.array(samples), bars * 4 * RATE // 2)
    assert len(low) == len(high) <= OUTLINE_COLUMNS
    assert (low <= high).all()
    assert (low.min(), high.max()) == pytest.approx((sound.min(), sound.max()), abs=2e-3)
    assert whole["samples"] == bars * 4 * RATE // 2


def test_the_asked_and_the_heard_level_are_in_one_unit(tmp_path: Path) -> None:
    """A sine at -20 dBFS under a curve of -20 dB: both lines lie on each other."""
    sine = 0.1 * np.sqrt(2) * np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE)
    (line,) = described(a_take(tmp_path, sine, Control(kind="intensity", target=STEADY)))["controls"]
    assert line["unit"] == "dB"
    assert 0 < len(line["asked"]) == len(line["heard"]) <= 2 * LINE_POINTS
    assert np.array(line["heard"]) == pytest.approx(np.array(line["asked"]), abs=0.3)


def test_every_kind_of_target_is_described_in_plain_json(tmp_path: Path) -> None:
    """What no line can be drawn of is at least named; a browser reads all of it."""
    sound = Audio(samples=np.zeros(800, "<f4").tobytes(), sample_rate=8_000, channels=1)
    targets = {
        "brightness": Curve(points=(Point(Fraction(0), 400.0),), unit="hz"),
        "melody": Notes(notes=(Note(60, Fraction(1, 3), Fraction(1)),)),
        "rhythm": Onsets(onsets=(Onset(Fraction(1), 0.5, "kick"),)),
        "structure": Words(text="AB"),
        "timbre": sound,
        "bass-share": Number(value=0.1),
    }
    controls = [Control(kind=kind, target=target) for kind, target in targets.items()]  # type: ignore[arg-type]
    whole = described(a_take(tmp_path, np.zeros(10), *controls))
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole
    found = {line.pop("kind"): line for line in whole["controls"]}
    assert found["brightness"] == {"points": [[0.0, 400.0]], "unit": "hz"}
    assert found["melody"] == {"notes": [[60, pytest.approx(1 / 3), 1.0, 100]]}
    assert found["rhythm"] == {"onsets": [[1.0, 0.5, "kick"]]}
    assert found["structure"] == {"text": "AB"}
    assert found["timbre"] == found["bass-share"] == {}
    assert whole["losses"] == {"intensity": [3.0, 2.0, 1.0]}
    assert (whole["seconds"], whole["notes"]) == (1.5, ["In A minor."])
