"""Loops as files: 24-bit WAV with tempo, beats and loop points, and audio files back to samples.

The two chunks that samplers read are `smpl` (Microsoft, New Multimedia Data Types, 1994: one forward loop over
the whole file) and `acid` (undocumented by its maker; the layout is the one that libsndfile reads).
They stand before the samples, because some readers stop at `data`.
"""

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from midi.errors import MidiError
from midi.files.opening import read_bytes
from midi.tempo import Meter

from ..errors import InternalError
from ..files import publish
from .reading import Samples, read_recording

_PIECE_SAMPLES = 2**14  # converted at a time, so that a long loop is not in memory twice
_FULL_SCALE = 2**23  # 24-bit integers run from -2^23 to 2^23 - 1
_MAX_BYTES = 2**32  # a RIFF file counts with 32 bits
_MIDDLE_C = 60  # the root note that both chunks have; no flag says that it is meant
_ACID_ONE_SHOT = 0x01
_ACID_STRETCH = 0x04
_ACID_UNKNOWN = 0x8000  # the value of this field in every known file


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopInfo:
    """Rate in hertz, length and tempo from a loop's file; `beats` is rounded to whole quarter notes, as `acid` needs.

    A loop that is not whole beats long is marked as a one-shot there, because the rounded beats imply another tempo.
    """

    sample_rate: int
    samples: int
    tempo_bpm: float
    beats: int
    meter: Meter


def write_loop(
    path: Path,
    audio: Samples,
    sample_rate: int,
    *,
    tempo_bpm: Fraction,
    beats: Fraction,
    meter: Meter,
    overwrite: bool = False,
) -> None:
    """Write `audio` [channels, samples] as a 24-bit loop of `beats` quarter notes.

    Raises `BadInputError` where `path` cannot be written, or exists and `overwrite` is not set; `InternalError` for
    values that are not finite. No file is left behind then.
    """
    if not np.isfinite(audio).all():
        raise InternalError(f"The audio for {path.name} holds values that are not numbers.")
    chunks = (
        (b"fmt ", _fmt(audio.shape[0], sample_rate)),
        (b"smpl", _smpl(audio.shape[1], sample_rate)),
        (b"acid", _acid(tempo_bpm, beats, meter)),
    )
    head = b"WAVE" + b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    size = 3 * audio.size
    odd = size % 2
    head = b"RIFF" + struct.pack("<I", len(head) + 8 + size + odd) + head + b"data" + struct.pack("<I", size)
    publish(path, itertools.chain((head,), _pcm24(audio), (b"\0" * odd,)), overwrite=overwrite)


def _fmt(channels: int, sample_rate: int) -> bytes:
    frame_bytes = 3 * channels
    return struct.pack("<HHIIHH", 1, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, 24)


def _smpl(samples: int, sample_rate: int) -> bytes:
    """Return one endless forward loop; its end is the last sample itself, not the one after."""
    header = struct.pack("<9I", 0, 0, round(1e9 / sample_rate), _MIDDLE_C, 0, 0, 0, 1, 0)
    return header + struct.pack("<6I", 0, 0, 0, samples - 1, 0, 0)


def _acid(tempo_bpm: Fraction, beats: Fraction, meter: Meter) -> bytes:
    """Return the chunk with tempo, metre and beats. Readers may compute the tempo as beats over length.

    The chunk has whole beats only: a loop of another length, as in 7/8, is marked as a one-shot, which has no tempo.
    """
    whole_beats = max(1, round(beats))
    flags = _ACID_STRETCH if whole_beats == beats else _ACID_ONE_SHOT
    return struct.pack(
        "<IHHfIHHf", flags, _MIDDLE_C, _ACID_UNKNOWN, 0.0, whole_beats,
        meter.denominator, meter.numerator, float(tempo_bpm),
    )  # fmt: skip


def _pcm24(audio: Samples) -> Iterator[bytes]:
    """Yield interleaved little-endian 24-bit samples, rounded to the nearest step."""
    for start in range(0, audio.shape[1], _PIECE_SAMPLES):
        scaled = np.rint(audio[:, start : start + _PIECE_SAMPLES].T.astype(np.float64) * _FULL_SCALE)
        integers = np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype("<i4", order="C")
        yield integers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def read_audio(path: Path, *, seconds: float | None = None) -> tuple[Samples, int]:
    """Return float32 samples [channels, samples], mono or stereo, and the sample rate of an audio file.

    At most the first `seconds` are read, all where None. Raises `BadInputError` as `read_recording`, which also returns
    remarks.
    """
    recording = read_recording(path, seconds=seconds)
    return recording.samples, recording.sample_rate


def read_loop_info(path: Path) -> LoopInfo | None:
    """Return the loop information in the `acid` chunk of a WAV file; None for a file without one or unreadable."""
    try:
        chunks = _chunks(read_bytes(path, _MAX_BYTES))
        _, _, _, _, beats, denominator, numerator, tempo_bpm = struct.unpack("<IHHfIHHf", chunks[b"acid"])
        _, _, sample_rate, _, frame_bytes, _ = struct.unpack("<HHIIHH", chunks[b"fmt "][:16])
        samples = len(chunks[b"data"]) // frame_bytes
        meter = Meter(numerator, denominator)
    except (MidiError, OSError, KeyError, struct.error, ValueError, ZeroDivisionError):
        return None
    return LoopInfo(sample_rate=sample_rate, samples=samples, tempo_bpm=tempo_bpm, beats=beats, meter=meter)


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a RIFF file by name; a truncated last chunk is as long as the file allows."""
    found: dict[bytes, bytes] = {}
    position = 12
    while position + 8 <= len(data) and data[:4] == b"RIFF":
        name, length = data[position : position + 4], struct.unpack_from("<I", data, position + 4)[0]
        found.setdefault(name, data[position + 8 : position + 8 + length])
        position += 8 + length + length % 2
    return found
