"""The MIDI of what is heard: marked as such, at the loop's tempo and metre, for Live to line up at bar 1."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bridge.takes.transcribed_midi import transcribed_midi
from engine.events import Sound, Stems
from engine.request import LoopRequest
from midi.grooves.rhythm import drum_group
from midi.notes import DRUM_CHANNEL
from midi.smf.read import read_midi

RATE = 22_050
REQUEST = LoopRequest(bars=2, tempo_bpm=Fraction("133.37"), meter="7/8", sample_rate=RATE)  # type: ignore[arg-type]
SAMPLES = REQUEST.samples
TUNE = [69, 71, 72, 74, 76, 77, 76]


def plucked(pitches: list[int], beats: float) -> np.ndarray:
    """Return notes of the same length one after the other, over the whole loop."""
    size = round(beats * 60 / float(REQUEST.tempo_bpm) * RATE)
    time = np.arange(size) / RATE
    waves = [
        sum(np.sin(2 * np.pi * k * 440 * 2 ** ((pitch - 69) / 12) * time) / k for k in range(1, 5))
        * np.minimum(1, time / 0.004) * np.exp(-time)
        for pitch in pitches
    ]  # fmt: skip
    return np.resize(0.2 * np.concatenate(waves), SAMPLES)


def clicks(every_beats: float) -> np.ndarray:
    """Return bursts of low sound at a steady pace."""
    bar = np.zeros(SAMPLES)
    time = np.arange(2_000) / RATE
    burst = 0.8 * np.sin(2 * np.pi * 60 * time) * np.exp(-time / 0.05)
    step = every_beats * 60 / float(REQUEST.tempo_bpm) * RATE
    for index in range(int(SAMPLES / step)):
        start = round(index * step)
        bar[start : start + 2_000] += burst[: SAMPLES - start]
    return bar


def sound(mono: np.ndarray) -> Sound:
    """Return stereo as it comes over the wire."""
    return Sound(samples=np.tile(mono[:, None], (1, 2)).astype("<f4").tobytes(), sample_rate=RATE)


def stems(**layers: np.ndarray) -> Stems:
    """Return stems of these layers."""
    samples = b"".join(sound(mono).samples for mono in layers.values())
    return Stems(request_id="r", take=0, layers=tuple(layers), samples=samples, sample_rate=RATE)


def test_stems_become_tracks_that_say_that_they_were_heard(tmp_path: Path) -> None:
    """Melody, chords and drums come from their own stems, with names and a text that call them heard."""
    chord = np.sum([plucked([pitch], 7) for pitch in (57, 60, 64)], axis=0)
    parts = stems(drums=clicks(1), bass=plucked([45], 7), chords=chord, lead=plucked(TUNE, 1))
    made = transcribed_midi(REQUEST, sound(np.zeros(SAMPLES)), parts)
    (tmp_path / "heard.mid").write_bytes(made.data)
    assert b"Heard by Ditto Live in the stems" in made.data
    score = read_midi(tmp_path / "heard.mid")
    assert [track.name for track in score.tracks] == ["melody (heard)", "chords (heard)", "drums (heard)"]
    assert [float(tempo.tempo_bpm) for tempo in score.tempos] == [pytest.approx(133.37, abs=1e-3)]
    assert [str(change.meter) for change in score.meters] == ["7/8"]
    assert {track.end for track in score.tracks} == {REQUEST.beats}
    melody, chords, drums = (track.notes for track in score.tracks)
    assert [note.pitch for note in melody] == TUNE
    assert all(abs(note.start - round(note.start)) < Fraction(1, 5) for note in melody)
    assert {note.pitch % 12 for note in chords} == {9, 0, 4}
    assert {drum_group(note.pitch) for note in drums} == {"kick"}
    assert {note.channel for note in drums} == {DRUM_CHANNEL}
    assert "7 notes of melody" in made.sentence


def test_what_the_loop_has_no_layer_for_has_no_track(tmp_path: Path) -> None:
    """A loop of drums alone has one track; a muted layer is not heard; and silence is a file that says so."""
    made = transcribed_midi(REQUEST, sound(clicks(1)), stems(drums=clicks(1)))
    (tmp_path / "drums.mid").write_bytes(made.data)
    assert [track.name for track in read_midi(tmp_path / "drums.mid").tracks] == ["drums (heard)"]
    silent = transcribed_midi(REQUEST, sound(np.zeros(SAMPLES)), None)
    assert silent.sentence.endswith("in the mix: nothing; no melody or chords or drums is heard clearly.")
    assert b"in the mix" in silent.data


def test_without_stems_the_mix_is_heard(tmp_path: Path) -> None:
    """A line alone is heard in the mix as in its stem."""
    made = transcribed_midi(REQUEST, sound(plucked(TUNE, 1)), None)
    (tmp_path / "mix.mid").write_bytes(made.data)
    first = read_midi(tmp_path / "mix.mid").tracks[0]
    assert first.name == "melody (heard)"
    assert [note.pitch for note in first.notes] == TUNE
