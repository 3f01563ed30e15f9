"""Beside other music: pieces are read with what they were asked for, cut at the bar, and their tempo is followed."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.quality import beside
from benchmarks.quality.pieces import HOW, LICENCE, pieces, stated
from benchmarks.rows import Rows
from engine.pocket.bands import SAMPLE_RATE
from midi.key import Key

LISTED = "calm/\n  calm_acoustic_1.opus    60 bpm  Bb minor   seed 1  [acoustic]\n"


def clicks(tempo_bpm: float, seconds: float) -> np.ndarray:
    """Return a click on every eighth."""
    audio = np.zeros((2, round(seconds * SAMPLE_RATE)), np.float32)
    burst = np.hanning(400) * np.random.default_rng(0).standard_normal(400)
    for start in np.arange(0, seconds - 0.1, 30 / tempo_bpm):
        audio[:, round(start * SAMPLE_RATE) :][:, :400] += burst.astype(np.float32)
    return audio


def wheel(tmp_path: Path) -> Path:
    """Write a wheel with one piece."""
    sound, file = io.BytesIO(), tmp_path / "pieces.whl"
    soundfile.write(sound, np.zeros((48_000, 2)), 48_000, format="OGG", subtype="OPUS")
    with zipfile.ZipFile(file, "w") as kept:
        kept.writestr("immich_memories_music/tracks/calm/calm_acoustic_1.opus", sound.getvalue())
        kept.writestr(f"immich_memories_music-0.1.0.dist-info/licenses/{LICENCE}", LISTED)
    return file


def test_a_wheel_is_read_with_tempo_and_key(tmp_path: Path) -> None:
    """Each piece comes with the tempo and key that its licence file lists, at 44.1 kHz."""
    (piece,) = pieces(wheel(tmp_path))
    assert (piece.tempo_bpm, piece.key, piece.words) == (60.0, Key.parse("Bb minor"), "calm, acoustic")
    assert piece.audio().shape == (2, SAMPLE_RATE)
    assert stated(LISTED) == {"calm_acoustic_1": (60.0, Key.parse("Bb minor"))}


@pytest.mark.parametrize("content", [None, b"", b"no zip"])
def test_without_pieces_one_is_told_how_to_get_them(tmp_path: Path, content: bytes | None) -> None:
    """Where neither a wheel nor the package is there, the command ends with the sentence that says how."""
    file = tmp_path / "other.whl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SystemExit, match="pip download"):
        pieces(file if content is not None else tmp_path / "missing.whl")
    assert "--wheel" in HOW


def test_a_cut_is_whole_bars_from_the_first_hit() -> None:
    """Four bars at the stated tempo are cut four bars in, or from the first hit where the piece is shorter."""
    piece = np.concatenate([np.zeros((2, 5000), np.float32), clicks(120, 17)], axis=1)
    cut = beside.naive_cut(piece, 120.0, 4)
    assert cut is not None
    assert cut.shape == (2, 8 * SAMPLE_RATE)
    assert np.abs(cut[:, :800]).max() > 0  # begins with a click
    early = beside.naive_cut(piece[:, : 9 * SAMPLE_RATE], 120.0, 4)
    assert early is not None
    assert early.shape == cut.shape
    assert beside.naive_cut(piece[:, : 4 * SAMPLE_RATE], 120.0, 4) is None


@pytest.mark.parametrize(("true_bpm", "least", "most"), [(120.0, 0, 6), (120.6, 80, 160)])
def test_a_wandering_beat_is_followed(true_bpm: float, least: float, most: float) -> None:
    """Clicks half a percent too fast end 160 ms early after 32 s; clicks in time stay."""
    assert least <= beside.wander_ms(clicks(true_bpm, 32), 120.0, circular=False) <= most


def test_fullness_and_change_hear_what_is_missing() -> None:
    """A tone fills fewer bands than noise; four equal bars do not change, four different ones do."""
    draws = np.random.default_rng(0)
    noise = draws.standard_normal((2, 4 * SAMPLE_RATE)).astype(np.float32)
    tone = np.tile(np.sin(2 * np.pi * 220 * np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE), (2, 1)).astype(np.float32)
    assert beside.fullness(tone) < 0.5 < beside.fullness(noise)
    equal = np.tile(noise[:, :SAMPLE_RATE], (1, 4))
    assert beside.change_db(equal, 4) < 0.1 < beside.change_db(noise, 4)


def test_the_table_has_a_line_for_each_figure(tmp_path: Path) -> None:
    """Rows become means and medians by column, with the bar first; a figure that is not there leaves its cell empty."""
    rows = Rows(tmp_path / "rows.json")
    for column in beside.COLUMNS:
        audio = clicks(120, 8)
        told = Key.parse("C major")
        rows.put(f"{column}/0", beside.measures(audio, {4: audio}, 120.0, told, circular=column != beside.ACE))
    table = beside.table(rows)
    assert table.markdown().startswith("No bar: ")
    assert len(table.body) == len(beside.SHOWN)
    assert table.body[0][4].startswith("0")
