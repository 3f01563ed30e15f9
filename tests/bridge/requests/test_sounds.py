"""Parts of audio files: what `FILE.wav#START:END` means wherever a sound is named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bridge.requests.fields import Frontend
from bridge.requests.reader import read_request
from bridge.requests.sounds import SoundPart
from engine.errors import DittoError
from engine.request import Audio, LoopRequest

RATE = 8_000
SECONDS = 8.0


@pytest.fixture(scope="module")
def ramp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file whose samples say where they are: 0 to 1 over eight seconds."""
    path = tmp_path_factory.mktemp("sounds") / "ramp.wav"
    soundfile.write(path, np.linspace(0, 1, int(RATE * SECONDS), endpoint=False), RATE, subtype="FLOAT")
    return path


def read(**settings: str) -> LoopRequest:
    return read_request(settings, {}, frontend=Frontend.OSC, takes=None, request_id="a", instance="b").request


def values(sound: Audio) -> "np.ndarray":
    return np.frombuffer(sound.samples, "<f4")


@given(st.floats(0, 7.9), st.floats(0.02, 8))
@hypothesis_settings(max_examples=40)
def test_a_part_is_those_seconds(ramp: Path, start: float, length: float) -> None:
    """Whatever the part, the samples are those between its ends, and none from beyond the file."""
    heard = SoundPart.parse(f"{ramp}#{start:.4f}:{start + length:.4f}").read()
    found = heard.samples[0] * SECONDS
    assert found[0] == pytest.approx(start, abs=2 / RATE)
    assert found[-1] == pytest.approx(min(start + length, SECONDS), abs=2.5 / RATE)


def test_every_use_of_a_sound_takes_a_part(ramp: Path) -> None:
    """Timbre, structure, inpaint, outpaint, groove and a recording beside the loop."""
    part = f"{ramp}#2:6"
    for kind in ("timbre", "structure"):
        (control,) = read(**{kind: part}).controls
        assert values(control.target)[[0, -1]] * SECONDS == pytest.approx([2, 6], abs=0.01)
    (kept,) = read(inpaint=part, keep="0:8", bars="2").controls
    assert len(values(kept.target)) == 4 * RATE
    grown = read(inpaint=part, outpaint="1")
    assert grown.bars == 3
    assert read(**{"with": part}).bars == 2
    beside = read(**{"with": part}).beside
    assert beside is not None
    assert values(beside)[0] * SECONDS == pytest.approx(2, abs=0.01)


def test_a_file_whose_name_looks_like_a_part_is_that_file(tmp_path: Path) -> None:
    """The file is asked for, not guessed."""
    path = tmp_path / "take.wav#1:2.wav"
    soundfile.write(path, np.ones(RATE), RATE, format="WAV", subtype="FLOAT")
    assert SoundPart.parse(str(path)) == SoundPart(path)


@pytest.mark.parametrize("part", ["2", "6:2", "-1:2", "a:b", "1:nan", ":", "1:2:3"])
def test_what_is_no_range_of_seconds_is_refused_with_a_remedy(ramp: Path, part: str) -> None:
    """The sentence names the file, the remedy how it is written."""
    with pytest.raises(DittoError, match=r"is no part of ramp\.wav") as refused:
        read(timbre=f"{ramp}#{part}")
    assert "ramp.wav#0.5:4.25" in refused.value.remedy


def test_a_part_behind_the_end_is_refused(ramp: Path) -> None:
    """It says how long the file is."""
    with pytest.raises(DittoError, match=r"lasts 8 s; nothing of it is at 9 to 10 s"):
        read(timbre=f"{ramp}#9:10")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of eleven minutes, whose samples say where they are."""
    path = tmp_path_factory.mktemp("long") / "field.wav"
    soundfile.write(path, np.linspace(0, 1, RATE * 660, endpoint=False), RATE, subtype="FLOAT")
    return path


def test_of_a_long_file_a_part_is_taken_or_asked_for(long: Path) -> None:
    """A part far inside is read, a reference is read as far as the loop goes; else the remedy is a part."""
    (heard,) = read(timbre=f"{long}#640:644").controls
    assert values(heard.target)[[0, -1]] * 660 == pytest.approx([640, 644], abs=0.01)
    (kept,) = read(inpaint=str(long), keep="0:8", bars="2").controls
    assert len(values(kept.target)) == 5 * RATE
    with pytest.raises(DittoError, match=r"field\.wav lasts 660 s; up to 600 s can be read") as refused:
        read(**{"with": str(long), "layers": "bass"})
    assert "field.wav#0:8" in refused.value.remedy


@pytest.mark.parametrize("kind", ["timbre", "structure"])
@pytest.mark.parametrize("peak", [0.0, 3e-5])
def test_silence_is_no_reference(tmp_path: Path, kind: str, peak: float) -> None:
    """Nothing of it can be followed; dither is silence, too."""
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-peak, peak, RATE), RATE, subtype="FLOAT")
    with pytest.raises(DittoError, match=r"silent\.wav is silent where it is heard"):
        read(**{kind: str(path)})


@pytest.mark.parametrize(
    ("seconds", "peak", "keep", "said"),
    [
        (0.5, 0.5, "0:4", "kept.wav ends at beat 1; what is kept after it is silence."),
        (2.0, 0.5, "0:1,3:4", ""),
        (2.0, 0.0, "0:4", "kept.wav is silent in the beats that are kept, and so they will be."),
        (0.5, 0.5, "2:4", "kept.wav is silent in the beats that are kept, and so they will be."),
    ],
)
def test_kept_beats_without_a_sound_are_said(tmp_path: Path, seconds: float, peak: float, keep: str, said: str) -> None:
    """A file that ends before the beats that are kept would leave a hole that nobody asked for."""
    path = tmp_path / "kept.wav"
    soundfile.write(path, np.full(int(RATE * seconds), peak), RATE, subtype="FLOAT")
    settings = {"inpaint": str(path), "keep": keep, "bars": "1"}
    reading = read_request(settings, {}, frontend=Frontend.OSC, takes=None, request_id="a", instance="b")
    assert [remark for remark in reading.remarks if "kept.wav" in remark] == [said] * bool(said)


def test_a_groove_of_less_than_half_a_bar_is_refused(tmp_path: Path) -> None:
    """A hit of 0.3 s is no bar: its strokes would be laid over two seconds."""
    path = tmp_path / "hit.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-1, 1, int(RATE * 0.3)), RATE)
    with pytest.raises(DittoError, match="shorter than half a bar at 120 BPM"):
        read(rhythm=str(path))
