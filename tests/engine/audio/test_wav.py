"""Loops as files: what is written is what is read, and nobody ever meets half a file."""

import errno
import os
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio.wav import read_audio, read_loop_info, write_loop
from engine.errors import BadInputError, InternalError
from engine.files import publish
from midi.tempo import Meter

STEP = 2**-23  # of 24 bits


def tone(samples: int, channels: int = 2) -> np.ndarray:
    """Return noise at half of full scale."""
    return np.random.default_rng(samples).uniform(-0.5, 0.5, (channels, samples)).astype(np.float32)


def write(path: Path, audio: np.ndarray, rate: int = 44_100, bars: int = 4, **given: object) -> None:
    """Write a loop in 7/8 at 93.7 BPM."""
    meter = Meter(7, 8)
    arguments = {"tempo_bpm": Fraction(937, 10), "beats": bars * meter.beats_per_bar, "meter": meter} | given
    write_loop(path, audio, rate, **arguments)  # type: ignore[arg-type]


def chunks(data: bytes) -> dict[bytes, bytes]:
    """Walk a RIFF file as its specification says, and insist that it ends where it says."""
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WAVE"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    found, position = {}, 12
    while position < len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        found[name] = data[position + 8 : position + 8 + length]
        assert len(found[name]) == length
        position += 8 + length + length % 2
    assert position == len(data)
    return found


@settings(max_examples=40)
@given(st.integers(1, 5000), st.sampled_from([1, 2]), st.sampled_from([8_000, 44_100, 48_000, 96_000, 192_000]))
def test_what_is_written_is_read_to_half_a_step(
    tmp_path_factory: pytest.TempPathFactory, samples: int, channels: int, rate: int
) -> None:
    """Every length, odd ones too, comes back to the nearest of 2^24 levels."""
    path = tmp_path_factory.mktemp("wav") / "loop.wav"
    audio = tone(samples, channels)
    write(path, audio, rate)
    back, rate_back = read_audio(path)
    assert (back.shape, rate_back) == (audio.shape, rate)
    assert np.abs(back - audio).max() <= STEP / 2
    assert soundfile.info(path).subtype == "PCM_24"


@pytest.mark.parametrize("channels", [1, 2])
def test_a_long_loop_is_whole(tmp_path: Path, channels: int) -> None:
    """What is converted in pieces has no seam between them."""
    audio = tone(40_001, channels)
    write(tmp_path / "loop.wav", audio)
    assert np.abs(read_audio(tmp_path / "loop.wav")[0] - audio).max() <= STEP / 2
    assert set(chunks((tmp_path / "loop.wav").read_bytes())) == {b"fmt ", b"smpl", b"acid", b"data"}


def test_chunks_tell_samplers_where_the_loop_is(tmp_path: Path) -> None:
    """`smpl` holds one endless forward loop over the whole file, `acid` tempo, metre and beats, and no root."""
    write(tmp_path / "loop.wav", tone(1001))
    found = chunks((tmp_path / "loop.wav").read_bytes())
    smpl = struct.unpack("<9I6I", found[b"smpl"])
    assert smpl[2:4] == (round(1e9 / 44_100), 60)
    assert smpl[7] == 1
    assert smpl[9:] == (0, 0, 0, 1000, 0, 0), "from the first sample to the last one, without an end"
    flags, root, _, _, beats, denominator, numerator, tempo_bpm = struct.unpack("<IHHfIHHf", found[b"acid"])
    assert flags == 0x04, "a loop, not a one-shot; stretches with the tempo"
    assert (root, beats, numerator, denominator) == (60, 14, 7, 8)
    assert tempo_bpm == pytest.approx(93.7, abs=1e-5)


def test_a_loop_says_of_itself_what_was_asked(tmp_path: Path) -> None:
    """What `play` reads is what `render` wrote."""
    write(tmp_path / "loop.wav", tone(500), 48_000)
    info = read_loop_info(tmp_path / "loop.wav")
    assert info is not None
    assert (info.samples, info.sample_rate, info.beats, info.meter) == (500, 48_000, 14, Meter(7, 8))


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_file_says_nothing_rather_than_something_false(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Cut or changed anywhere, a file gives `None` or whole values, never an exception."""
    path = tmp_path_factory.mktemp("wav") / "loop.wav"
    write(path, tone(50))
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    info = read_loop_info(path)
    assert info is None or info.samples >= 0


def test_too_loud_is_clipped_and_does_not_turn_over(tmp_path: Path) -> None:
    """A sample beyond full scale stays at full scale; it does not become its opposite."""
    write(tmp_path / "loop.wav", np.array([[1.5, -1.5, 1.0, -1.0]], np.float32))
    assert read_audio(tmp_path / "loop.wav")[0].tolist() == [[1 - STEP, -1.0, 1 - STEP, -1.0]]


def test_a_loop_is_never_overwritten_unasked(tmp_path: Path) -> None:
    """Live refers to a landed file in place, so it stays as it is."""
    write(tmp_path / "loop.wav", tone(10))
    before = (tmp_path / "loop.wav").read_bytes()
    with pytest.raises(BadInputError, match="exists already and is kept"):
        write(tmp_path / "loop.wav", tone(20))
    assert (tmp_path / "loop.wav").read_bytes() == before
    write(tmp_path / "loop.wav", tone(20), overwrite=True)
    assert read_audio(tmp_path / "loop.wav")[0].shape == (2, 20)
    assert [path.name for path in tmp_path.iterdir()] == ["loop.wav"], "nothing lies beside it"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_sound_is_not_written(tmp_path: Path, value: float) -> None:
    """Values such as nan and inf are a fault of ours, said before there is a file."""
    audio = tone(10)
    audio[1, 5] = value
    with pytest.raises(InternalError, match="not numbers"):
        write(tmp_path / "loop.wav", audio)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["missing/loop.wav", "file/loop.wav", "x" * 300 + ".wav", "nul\0.wav", "folder"])
def test_what_cannot_be_written_gets_a_sentence_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    """No folder, a file for a folder, a name too long or impossible, a folder in its place."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInputError, match="cannot be written"):
        publish(tmp_path / name, b"loop", overwrite=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_is_told_with_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another name would not; nothing half written stays behind."""

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInputError) as refused:
        publish(tmp_path / "loop.wav", b"loop")
    assert refused.value.remedy.startswith("Make room")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a loop.wav", "Schöner Käse.wav", "夜のループ.wav", "🥁 #1 100%.wav"])
def test_names_in_any_script_work(tmp_path: Path, name: str) -> None:
    """Spaces, umlauts, Japanese and signs are names like any other."""
    write(tmp_path / name, tone(100))
    assert read_audio(tmp_path / name)[0].shape == (2, 100)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing.wav", "does not exist"),
        ("text.wav", "is not audio"),
        ("empty.wav", "is not audio"),
        ("many.wav", "has 9 channels; 1 to 8 can be read"),
        ("silent.wav", "lasts 0 s"),
        ("folder", "is a folder, not a file"),
    ],
)
def test_what_cannot_be_heard_is_said(tmp_path: Path, name: str, sentence: str) -> None:
    """Each unusable file gets its own reason, with its name."""
    (tmp_path / "text.wav").write_text("RIFF it is not", encoding="utf-8")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "folder").mkdir()
    soundfile.write(tmp_path / "many.wav", np.zeros((10, 9)), 44_100)
    soundfile.write(tmp_path / "silent.wav", np.zeros((0, 2)), 44_100)
    with pytest.raises(BadInputError, match=sentence) as error:
        read_audio(tmp_path / name)
    assert name in str(error.value)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "aiff"])
def test_reference_audio_may_have_any_common_form(tmp_path: Path, ending: str) -> None:
    """What soundfile reads comes as float32 [channels, samples] at its own rate."""
    soundfile.write(tmp_path / f"reference.{ending}", tone(2205, 1).T, 22_050)
    audio, rate = read_audio(tmp_path / f"reference.{ending}")
    assert (audio.shape, audio.dtype, rate) == ((1, 2205), np.float32, 22_050)


def test_a_reference_is_read_as_far_as_it_is_needed(tmp_path: Path) -> None:
    """The first seconds of a longer file, the whole of a shorter one; the same samples as in the whole."""
    noise = np.random.default_rng(1).uniform(-1, 1, (44_100, 2)).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", noise, 44_100, subtype="FLOAT")
    part, rate = read_audio(tmp_path / "x.wav", seconds=0.25)
    assert (part.shape, rate) == ((2, 11_025), 44_100)
    assert np.array_equal(part, noise[:11_025].T)
    assert read_audio(tmp_path / "x.wav", seconds=9.0)[0].shape == (2, 44_100)


def test_a_header_that_claims_gigabytes_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """A sampling rate of 2 GHz, or minutes at the highest rate: the sentence says what is allowed."""
    soundfile.write(tmp_path / "fast.wav", np.zeros((10, 1)), 2_000_000_000)
    with pytest.raises(BadInputError, match="1000 to 768000"):
        read_audio(tmp_path / "fast.wav")
    with (tmp_path / "long.wav").open("wb") as file:
        samples = 500 * 192_000 * 6
        chunk = struct.pack("<HHIIHH", 1, 2, 192_000, 192_000 * 6, 6, 24)
        head = b"WAVEfmt " + struct.pack("<I", 16) + chunk + b"data" + struct.pack("<I", samples)
        file.write(b"RIFF" + struct.pack("<I", len(head) + samples) + head)
        file.truncate(len(head) + 8 + samples)  # sparse
    with pytest.raises(BadInputError, match="480 MB is the most"):
        read_audio(tmp_path / "long.wav")
    assert read_audio(tmp_path / "long.wav", seconds=0.1)[0].shape == (2, 19_200)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes as files")
def test_a_named_pipe_is_not_opened(tmp_path: Path) -> None:
    """Reading one would never end."""
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(BadInputError, match="not a file"):
        read_audio(tmp_path / "pipe.wav")
