"""The tempo that a recorded loop tells counts wherever its beats do: kept, gone on from, or as a groove."""

from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from bridge.requests import targets
from bridge.requests.reader import read_request
from engine.audio.wav import write_loop
from engine.request import LoopRequest
from midi.tempo import Meter

RATE = 8_000


def clicks(folder: Path, name: str, tempo_bpm: float, beats: int = 8) -> str:
    """Return a recording with a click on each beat, whose file tells no tempo."""
    count = round(beats * 60 / tempo_bpm * RATE)
    samples, burst = np.zeros(count + 400), np.random.default_rng(0).standard_normal(400) * np.exp(-np.arange(400) / 60)
    for beat in range(beats):
        start = round(beat * 60 / tempo_bpm * RATE)
        samples[start : start + 400] += 0.2 * burst
    soundfile.write(folder / name, samples[:count], RATE)
    return str(folder / name)


def told(folder: Path, tempo_bpm: float) -> str:
    """Return a recording whose file tells its tempo."""
    samples, _ = soundfile.read(clicks(folder, "plain.wav", tempo_bpm), dtype="float32", always_2d=True)
    path = folder / "mine.wav"
    write_loop(path, samples.T, RATE, tempo_bpm=Fraction(str(tempo_bpm)), beats=Fraction(8), meter=Meter())
    return str(path)


@pytest.mark.parametrize(("setting", "bars"), [({"outpaint": "1"}, 3), ({"keep": "0:4"}, 4)])
def test_what_is_kept_is_kept_at_its_tempo(setting: dict[str, str], bars: int, tmp_path: Path) -> None:
    """A loop of 98.6 BPM goes on at 98.6 BPM, and the bar that is added begins where it ends."""
    found = read_request({"inpaint": told(tmp_path, 98.6), **setting})
    assert (found.request.tempo_bpm, found.request.bars) == (Fraction("98.6"), bars)
    assert "mine.wav says 98.6 BPM, and so the loop is made." in found.remarks
    assert not any("what is kept after it is silence" in one for one in found.remarks)
    named = read_request({"inpaint": clicks(tmp_path, "dirt 93bpm.wav", 93), **setting})
    assert named.request.tempo_bpm == 93


@pytest.mark.parametrize("beside", [False, True])
def test_another_tempo_than_that_of_what_is_kept_is_told(beside: bool, tmp_path: Path) -> None:
    """A given one counts, and so does that of the recording that the layers fit; a melody's song does not."""
    settings = {"inpaint": told(tmp_path, 98.6), "keep": "0:4"}
    other = {"with": clicks(tmp_path, "120bpm.wav", 120)} if beside else {"tempo_bpm": "120"}
    found = read_request(settings | other)
    assert found.request.tempo_bpm == 120
    assert "mine.wav says 98.6 BPM; the loop is made at 120 BPM." in found.remarks
    song = mido.MidiFile()
    song.tracks.append(
        mido.MidiTrack(
            [
                mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(140)),
                mido.Message("note_on", note=69, velocity=90),
                mido.Message("note_off", note=69, time=1920),
            ]
        )
    )
    song.save(tmp_path / "song.mid")
    assert read_request(settings | {"melody": str(tmp_path / "song.mid")}).request.tempo_bpm == Fraction("98.6")


def test_a_groove_has_the_beats_that_its_name_tells(tmp_path: Path) -> None:
    """At 150 BPM a loop of 100 BPM has its eight beats, and not twelve; the sentence tells what says so."""
    found, remarks = targets.rhythm(
        clicks(tmp_path, "dirt 100bpm.wav", 100), LoopRequest(tempo_bpm=Fraction(150), bars=2)
    )
    assert sorted(round(float(one.beat), 1) % 8 for one in found.onsets) == pytest.approx(range(8), abs=0.11)
    assert remarks[0] == "The name of dirt 100bpm.wav says 100 BPM, at which its groove is heard."
    assert "8 beats long" in remarks[1]


def test_a_groove_that_is_heard_at_another_tempo_than_the_loops_is_told(tmp_path: Path) -> None:
    """Six beats at 150 BPM are heard as eight at 200 BPM; whole bars at the loop's tempo need no sentence."""
    loop = LoopRequest(tempo_bpm=Fraction(150), bars=2)
    _, remarks = targets.rhythm(clicks(tmp_path, "dirt.wav", 100, beats=4), loop)
    assert remarks[0] == "dirt.wav does not tell its tempo; it is heard at 200 BPM, in whole bars."
    _, remarks = targets.rhythm(clicks(tmp_path, "dirt.wav", 150), loop)
    assert len(remarks) == 1
