"""Recordings as libsndfile, ffmpeg, sox and recorders write them: samples with remarks, or one sentence."""

import os
import random
import shutil
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.audio.reading import read_recording
from engine.audio.wav import read_audio, write_loop
from engine.errors import BadInputError
from midi.tempo import Meter

RATE = 8_000
FORMAT = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
TONE = (8_000 * np.sin(np.arange(801) * 0.3)).astype("<i2")


def chunk(name: bytes, data: bytes, *, size: int | None = None, pad: bool = True) -> bytes:
    """Return a chunk; `size` is what it claims, `pad` whether an odd one is made even."""
    claimed = len(data) if size is None else size
    return name + struct.pack("<I", claimed) + data + (b"\0" if pad and len(data) % 2 else b"")


def wav(*chunks: bytes, size: int | None = None) -> bytes:
    """Return a RIFF file."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


FMT, DATA = chunk(b"fmt ", FORMAT), chunk(b"data", TONE.tobytes())
PEAK = chunk(b"PEAK", struct.pack("<III", 1, 0, 0))


@pytest.mark.parametrize(
    "data",
    [
        wav(FMT, PEAK, DATA),  # Audition's short PEAK
        wav(FMT, chunk(b"PEAK", b""), DATA),
        wav(FMT, chunk(b"PEAK", bytes(3)), DATA),
        wav(FMT, chunk(b"LIST", b"INFOISFT\x03\0\0\0abc", pad=False), DATA),  # no pad byte
        wav(FMT, chunk(b"note", bytes(7), pad=False), chunk(b"LIST", bytes(5), pad=False), DATA),
        wav(FMT, chunk(b"data", TONE.tobytes(), size=0), size=0),  # streamed, sizes never filled in
        wav(FMT, chunk(b"data", TONE.tobytes(), size=0xFFFFFFFF), size=0xFFFFFFFF),
        wav(FMT, chunk(b"data", TONE.tobytes(), size=10**6)),
        wav(FMT, chunk(b"data", TONE.tobytes(), size=0)),
        wav(FMT, DATA, size=0),
        wav(FMT, chunk(b"LIST", bytes(0)), DATA),  # Zoom's empty LIST
        wav(FMT, chunk(b"bext", bytes(602)), chunk(b"iXML", b"<a/>\0"), chunk(b"cue ", bytes(4)), DATA),
        wav(FMT, DATA) + b"trailing bytes",
        wav(FMT, DATA, chunk(b"id3 ", b"ID3\x03\0\0\0\0\0\0")),
        wav(chunk(b"JUNK", bytes(28)), FMT, chunk(b"smpl", bytes(36)), DATA),
        wav(chunk(b"fmt ", FORMAT + b"\0\0"), DATA),
        wav(chunk(b"fmt ", struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE, 2 * RATE, 2, 16, 22, 16, 4)
                  + b"\1\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"), PEAK, DATA),
    ],
)  # fmt: skip
def test_chunks_and_sizes_of_all_makers_are_read(tmp_path: Path, data: bytes) -> None:
    """Trial 15: a short PEAK, a LIST without its pad byte and sizes never filled in leave every sample."""
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    found = read_recording(path)
    assert found.sample_rate == RATE
    assert np.array_equal(np.rint(found.samples[0] * 32_768).astype("<i2"), TONE)


@pytest.mark.parametrize(
    ("bars", "meter", "tempo"),
    [
        (3, Meter(7, 8), "133.37"),
        (1, Meter(7, 8), "120"),
        (1, Meter(5, 16), "90"),
        (4, Meter(4, 4), "93.7"),
        (2, Meter(6, 8), "171"),
    ],
)
def test_readers_that_divide_get_the_tempo_or_are_told_not_to(
    tmp_path: Path, bars: int, meter: Meter, tempo: str
) -> None:
    """Trial 15: acid's beats over the length are the tempo, or the loop is marked as a one-shot."""
    beats, tempo_bpm = bars * meter.beats_per_bar, Fraction(tempo)
    samples = round(beats * 60 / tempo_bpm * 44_100)
    path = tmp_path / "a.wav"
    write_loop(path, np.zeros((2, samples), np.float32), 44_100, tempo_bpm=tempo_bpm, beats=beats, meter=meter)
    data = path.read_bytes()
    place = data.index(b"acid") + 8
    flags, _, _, _, told, denominator, numerator, bpm = struct.unpack_from("<IHHfIHHf", data, place)
    assert (numerator, denominator) == (meter.numerator, meter.denominator)
    assert bpm == pytest.approx(float(tempo), abs=1e-4)
    if flags & 0x01:
        assert beats.denominator != 1
        assert not flags & 0x04
    else:
        assert told * 60 / (samples / 44_100) == pytest.approx(float(tempo), rel=1e-5)


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "PCM_U8", "ULAW", "IMA_ADPCM"])
def test_one_to_eight_channels_of_any_kind_are_read(tmp_path: Path, channels: int, subtype: str) -> None:
    """Trial 38's relative: more than two channels are mixed to stereo with one remark."""
    if subtype == "IMA_ADPCM" and channels > 2:
        channels = 2
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full((400, channels), 0.25), 48_000, subtype=subtype)
    found = read_recording(path)
    assert found.samples.shape[0] == min(channels, 2)
    assert len(found.remarks) == (channels > 2)
    assert np.abs(found.samples[:, 100:400]).max() < 0.5
    assert np.abs(found.samples[:, 100:400]).min() > 0.1


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000, 384_000])
def test_any_rate_of_a_sound_card_is_read(tmp_path: Path, rate: int) -> None:
    """Item 6: 8 to 384 kHz, at their own rate."""
    soundfile.write(tmp_path / "a.wav", np.zeros((10, 1)) + 0.1, rate)
    assert read_audio(tmp_path / "a.wav")[1] == rate


@pytest.mark.parametrize(
    ("ending", "kind", "subtype"),
    [
        ("wav", "RF64", "PCM_16"), ("w64", "W64", "PCM_24"), ("aiff", "AIFF", "PCM_16"), ("aif", "AIFF", "FLOAT"),
        ("flac", "FLAC", "PCM_24"), ("ogg", "OGG", "VORBIS"), ("opus", "OGG", "OPUS"), ("mp3", "MP3", "MPEG_LAYER_III"),
        ("caf", "CAF", "PCM_16"), ("au", "AU", "PCM_16"), ("wav", "WAVEX", "PCM_24"), ("voc", "VOC", "PCM_16"),
    ],
)  # fmt: skip
def test_what_libsndfile_writes_is_read(tmp_path: Path, ending: str, kind: str, subtype: str) -> None:
    """Item 6: each of its usual formats, without a remark."""
    path = tmp_path / f"a.{ending}"
    soundfile.write(
        path, 0.3 * np.sin(np.arange(9_600) * 0.05)[:, None].repeat(2, 1), 48_000, format=kind, subtype=subtype
    )
    found = read_recording(path)
    assert found.samples.shape[0] == 2
    assert found.remarks == ()
    assert np.abs(found.samples).max() == pytest.approx(0.4, abs=0.15)


@pytest.mark.parametrize(
    ("bad", "says"), [(1, "1 values that are no numbers"), (300, "300 values"), (400, "and no others")]
)
def test_values_that_are_no_numbers_count_as_silence(tmp_path: Path, bad: int, says: str) -> None:
    """Trial 38: NaN in a float file costs those samples; a file of nothing else is refused."""
    sound = np.full(400, 0.25, np.float32)
    sound[:bad] = np.nan if bad == 1 else np.inf
    soundfile.write(tmp_path / "a.wav", sound, 48_000, subtype="FLOAT")
    try:
        found = read_recording(tmp_path / "a.wav")
    except BadInputError as error:
        said = error.sentence
    else:
        said = found.remarks[0]
        assert np.isfinite(found.samples).all()
    assert says in said


def test_an_m4a_is_told_by_its_name(tmp_path: Path) -> None:
    """Trial 38: AAC is no format that is read here, and the sentence says what to do."""
    (tmp_path / "a.m4a").write_bytes(struct.pack(">I", 32) + b"ftypM4A " + bytes(200))
    with pytest.raises(BadInputError, match="AAC") as caught:
        read_recording(tmp_path / "a.m4a")
    assert "WAV" in caught.value.remedy


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize(("how", "says"), [("flac", "does not tell its length"), ("caf", "is not audio")])
def test_a_stream_of_open_length_is_a_sentence(tmp_path: Path, how: str, says: str) -> None:
    """Item 6's relative: FLAC and CAF through a pipe cannot be read by libsndfile, and that is said."""
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440:duration=0.1", "-f", how, "-"]
    (tmp_path / "a").write_bytes(subprocess.run(make, check=True, capture_output=True, timeout=60).stdout)
    with pytest.raises(BadInputError, match=says):
        read_recording(tmp_path / "a")


def test_a_pipe_is_no_recording(tmp_path: Path) -> None:
    """Review A4's kind: what may never end is refused at once."""
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(BadInputError, match="not a file"):
        read_recording(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [1, 0, 2 * 10**9])
def test_a_rate_that_no_card_has_is_a_sentence(tmp_path: Path, rate: int) -> None:
    """Review A2's relative: a header of two billion samples a second allows no file of any size."""
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate % 2**32, 2, 16)
    (tmp_path / "a.wav").write_bytes(wav(chunk(b"fmt ", form), DATA))
    with pytest.raises(BadInputError, match=r"a\.wav"):
        read_recording(tmp_path / "a.wav")


def faulty(chance: random.Random) -> bytes:
    """Return a WAV file with faults that recorders, pipes and editors are known for."""
    bits, channels = chance.choice([(1, 16), (1, 24), (3, 32), (1, 8)]), chance.randint(1, 8)
    frame = channels * bits[1] // 8
    form = struct.pack("<HHIIHH", bits[0], channels, 48_000, 48_000 * frame, frame, bits[1])
    chunks = [chunk(b"fmt ", form + chance.choice([b"", b"\0\0"]))]
    for _ in range(chance.randint(0, 3)):
        name = chance.choice([b"PEAK", b"LIST", b"bext", b"cue ", b"smpl", b"acid", b"JUNK", b"fact", b"\xa9xyz"])
        held = chance.randbytes(chance.choice([0, 1, 3, 4, 12, 24, 36, 61]))
        chunks.insert(chance.choice([0, len(chunks)]), chunk(name, held, pad=chance.random() < 0.7))
    sound = chance.randbytes(frame * chance.choice([0, 1, 7, 100]) + chance.choice([0, 0, 1]))
    size = chance.choice([None, None, 0, 0xFFFFFFFF, len(sound) + 9, max(0, len(sound) - 3)])
    data = wav(*chunks, chunk(b"data", sound, size=size), size=chance.choice([None, 0, 0xFFFFFFFF, 7]))
    return data[: len(data) - chance.choice([0, 0, 0, 1, 30])]


def test_of_800_faulty_wavs_each_is_samples_with_remarks_or_one_sentence(tmp_path: Path) -> None:
    """Trial 15's kind: nothing ends in another exception, and all that hold whole samples are read."""
    chance, read, path = random.Random(39), 0, tmp_path / "a.wav"
    for _ in range(800):
        path.write_bytes(faulty(chance))
        try:
            found = read_recording(path)
        except BadInputError as error:
            said: tuple[str, ...] = (error.sentence,)
        else:
            read += 1
            said = found.remarks
            assert found.samples.shape[0] in (1, 2)
            assert np.isfinite(found.samples).all()
        assert all(one.endswith(".") for one in said)
    assert read > 500


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 99), st.binary(max_size=4)), min_size=1, max_size=4), st.integers(0, 60))
def test_mutated_wavs_are_samples_or_a_sentence(tmp_path: Path, edits: list[tuple[int, bytes]], cut: int) -> None:
    """Trial 15's kind: changed or cut anywhere in its head, a file is read or refused in words."""
    data = bytearray(wav(FMT, PEAK, chunk(b"LIST", bytes(5), pad=False), DATA))
    for place, new in edits:
        data[place : place + len(new)] = new
    (tmp_path / "a.wav").write_bytes(data[: len(data) - cut])
    try:
        read_recording(tmp_path / "a.wav")
    except BadInputError as error:
        said = error.sentence
    else:
        said = "."
    assert said.endswith(".")


SOX = [[], ["-e", "float", "-b", "32"], ["-b", "8"], ["-b", "24", "-c", "2"], ["-r", "96000"], ["-c", "4"]]
FFMPEG = [
    ["-f", "wav", "-c:a", "pcm_s16le"], ["-f", "wav", "-c:a", "pcm_f32le"], ["-f", "wav", "-rf64", "always"],
    ["-f", "w64"], ["-f", "aiff"], ["-f", "flac"], ["-f", "wav", "-ac", "6"], ["-f", "wav", "-ar", "192000"],
    ["-f", "caf"], ["-f", "wav", "-write_peak", "on"], ["-f", "wav", "-bitexact"],
]  # fmt: skip


@pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")
@pytest.mark.parametrize("how", SOX)
def test_what_sox_writes_is_read(tmp_path: Path, how: list[str]) -> None:
    """Item 6: by its own synthesiser, to a file and through a pipe, where sizes are never filled in."""
    tone = ["synth", "0.1", "sine", "440"]
    subprocess.run(["sox", "-q", "-n", "-r", "48000", *how, str(tmp_path / "a.wav"), *tone], check=True, timeout=60)
    piped = subprocess.run(
        ["sox", "-q", "-n", "-r", "48000", *how, "-t", "wav", "-", *tone], check=True, capture_output=True, timeout=60
    ).stdout
    (tmp_path / "b.wav").write_bytes(piped)
    for name in ("a.wav", "b.wav"):
        samples, rate = read_audio(tmp_path / name)
        assert samples.shape[1] == round(0.1 * rate)
        assert np.abs(samples).max() > 0.5


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("how", FFMPEG)
def test_what_ffmpeg_writes_is_read(tmp_path: Path, how: list[str]) -> None:
    """Item 6: to a file and, where it can, through a pipe."""
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440:duration=0.1", *how]
    subprocess.run([*make, str(tmp_path / "a.wav")], check=True, timeout=60)
    piped = subprocess.run([*make, "-"], check=False, capture_output=True, timeout=60)
    names = ["a.wav"]
    if piped.returncode == 0 and not {"caf", "flac"} & set(how):  # libsndfile reads none whose length is open
        (tmp_path / "b.wav").write_bytes(piped.stdout)
        names.append("b.wav")
    for name in names:
        samples, rate = read_audio(tmp_path / name)
        assert samples.shape[1] == pytest.approx(0.1 * rate, rel=0.05)


def test_real_loops_are_read(shared: Path) -> None:
    """Every recording of the collection, without a remark."""
    for path in sorted((shared / "fixtures" / "loops-libre").glob("*.flac"))[::4]:
        found = read_recording(path)
        assert found.remarks == ()
        assert found.samples.shape[1] > found.sample_rate


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names of files are always Unicode there")
def test_a_recording_whose_name_is_not_utf_8_is_read(tmp_path: Path) -> None:
    """An archive from an old Windows leaves such names on Linux."""
    path = tmp_path / os.fsdecode(b"caf\xe9.flac")
    file = tmp_path / "plain.flac"
    soundfile.write(file, np.zeros((100, 2), np.float32), 44_100)
    file.rename(path)
    assert read_recording(path).samples.shape == (2, 100)
