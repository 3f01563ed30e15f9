"""Reads audio files: all formats of libsndfile, and WAV files whose chunks or sizes are wrong.

Recorders that lose power, pipes and editors leave sizes of 0, chunks without their pad byte and short ones that
libsndfile refuses. The format and the samples of such a file are found chunk by chunk and put into a correct one.
"""

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from midi.errors import MidiError
from midi.files.opening import read_bytes, state_of_file

from ..errors import BadInputError

Samples = NDArray[np.float32]
"""Samples as [channels, samples], full scale is 1."""

MAX_READ_SECONDS = 600  # three times the longest loop: 16 bars at 20 BPM last 192 s
MAX_READ_BYTES = 480 * 2**20  # of samples in memory: ten minutes of stereo at 96 kHz
MAX_FILE_BYTES = 2**30  # of a file that has to be repaired, which is done in memory
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
MAX_CHANNELS = 8
MAX_LEVEL = 1e4  # 80 dB above full scale: no sound, but bytes of something else
_KNOWN_FRAMES = 2**40  # libsndfile gives a FLAC stream of unknown length as longer than any file
_READABLE = "WAV, AIFF, FLAC, MP3, OGG"
_SURROUND_CHANNELS = (6, 8)  # left, right, centre, low frequencies, then pairs of left and right
_SIDE_GAIN = 0.5**0.5  # of centre and surround in stereo, as broadcasters fold them down (ITU-R BS.775)
_CHUNKS = frozenset(
    {b"data", b"fmt ", b"fact", b"LIST", b"PEAK", b"bext", b"iXML", b"cue ", b"smpl", b"inst", b"acid", b"JUNK",
     b"junk", b"id3 ", b"ID3 ", b"cart", b"plst", b"note", b"labl", b"ds64", b"_PMX", b"axml", b"chna", b"PAD "}
)  # fmt: skip
_MPEG_4 = b"ftyp"
_NO_SIZE = (0, 0xFFFFFFFF)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Mono or stereo samples, their rate in hertz, and sentences for the producer on repairs and conversions.

    `file_seconds` is how long the whole file lasts.
    """

    samples: Samples
    sample_rate: int
    file_seconds: float
    remarks: tuple[str, ...] = ()


def read_recording(path: Path, *, seconds: float | None = None, after_seconds: float = 0.0) -> Recording:
    """Return the sound of an audio file, mono or stereo; more channels are mixed to stereo.

    At most `seconds` are read, from `after_seconds` on; of a part behind the end there are no samples. Values that are
    not finite, or beyond 80 dB over full scale, become silence with a remark. Raises `BadInputError` for a file that is
    missing, unreadable or empty, and where more than 600 s are meant.
    """
    import soundfile  # here, because only those who read pay for loading it

    part = _Part(after_seconds, seconds)
    remarks: list[str] = []
    _refuse_irregular(path)
    try:
        with soundfile.SoundFile(_named(path)) as file:
            found = _samples(path, file, part)
    except (MidiError, OSError, ValueError, RuntimeError, _EmptyError) as error:
        found = _repaired(path, error, part)
        remarks.append(f"{path.name} is not a whole WAV file; the samples that it has were read.")
    samples, sample_rate, file_seconds = found
    bad = ~(np.abs(samples) <= MAX_LEVEL)  # true for nan, too
    if bad.any():
        if bad.all():
            raise BadInputError(f"{path} holds values that are not numbers, and no others.")
        remarks.append(f"{path.name} holds {int(bad.sum())} values that are no numbers; they count as silence.")
        samples = np.where(bad, np.float32(0), samples)
    if samples.shape[1] > 2:
        remarks.append(f"{path.name} has {samples.shape[1]} channels; they are mixed to stereo.")
        samples = _stereo(samples)
    return Recording(np.ascontiguousarray(samples.T, dtype=np.float32), sample_rate, file_seconds, tuple(remarks))


def _named(path: Path) -> Path | bytes:
    """Return a file's name as soundfile takes it, which cannot spell one that is not UTF-8."""
    return path if os.name == "nt" else os.fsencode(path)


def _refuse_irregular(path: Path) -> None:
    """Refuse a folder, a pipe or a device: reading one may never end."""
    try:
        state_of_file(path)
    except MidiError as error:
        if error.__cause__ is None:  # else opening the file raises the error
            raise BadInputError(error.sentence, remedy=error.remedy) from error


@dataclass(frozen=True, slots=True)
class _Part:
    """What is read of a file: `seconds` from `after_seconds` on, up to the end where None."""

    after_seconds: float
    seconds: float | None


class _EmptyError(Exception):
    """libsndfile finds no samples in a file, whose sizes may be wrong."""


def _samples(path: Path, file: Any, part: _Part) -> tuple[NDArray[np.float32], int, float]:
    """Return samples [samples, channels] and rate of an open `soundfile.SoundFile`, and the seconds of its file."""
    rate = int(file.samplerate)
    if not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise BadInputError(f"{path} has {rate} samples a second; {MIN_RATE_HZ} to {MAX_RATE_HZ} can be read.")
    if file.channels > MAX_CHANNELS:
        raise BadInputError(f"{path} has {file.channels} channels; 1 to {MAX_CHANNELS} can be read.")
    if file.frames >= _KNOWN_FRAMES:
        raise BadInputError(f"{path} does not tell its length, as a stream.", remedy="Convert it to WAV.")
    first = min(file.frames, round(part.after_seconds * rate))
    meant = file.frames - first
    frames = meant if part.seconds is None else min(meant, max(1, round(part.seconds * rate)))
    if frames > MAX_READ_SECONDS * rate:
        raise BadInputError(
            f"{path} lasts {file.frames / rate:.6g} s; up to {MAX_READ_SECONDS} s can be read.",
            remedy=f"Name the seconds of it that are meant, such as {path.name}#0:8.",
        )
    held = 4 * file.channels * frames
    if held > MAX_READ_BYTES:
        raise BadInputError(
            f"{path} holds {held / 2**20:,.0f} MB of samples; {MAX_READ_BYTES // 2**20} MB is the most.",
            remedy=f"Name the seconds of it that are meant, such as {path.name}#0:8, or lower its sample rate.",
        )
    if not file.frames:
        raise _EmptyError
    if first:
        file.seek(first)
    samples = file.read(frames, dtype="float32", always_2d=True)
    if frames and not len(samples):
        raise _EmptyError
    return samples, rate, file.frames / rate


def _repaired(path: Path, error: Exception, part: _Part) -> tuple[NDArray[np.float32], int, float]:
    """Return the same of a WAV file from its format and data chunks alone; raise `BadInputError` otherwise."""
    import soundfile

    data = b""
    try:
        if not path.exists():
            raise BadInputError(f"{path} does not exist.") from error
        data = read_bytes(path, MAX_FILE_BYTES)
        whole = plain_wav(data)
        if whole is not None:
            with soundfile.SoundFile(io.BytesIO(whole)) as file:
                return _samples(path, file, part)
    except (MidiError, OSError, ValueError, RuntimeError, _EmptyError):
        data = data[:8]
    if data[4:8] == _MPEG_4:
        raise BadInputError(
            f"{path} is not audio that can be read: it is AAC or ALAC in an MPEG-4 file, as .m4a is.",
            remedy="Export it as WAV, AIFF or FLAC.",
        ) from error
    if isinstance(error, _EmptyError):
        raise BadInputError(f"{path} lasts 0 s; it holds no samples.") from error
    raise BadInputError(f"{path} is not audio that can be read ({_READABLE}).") from error


def plain_wav(data: bytes) -> bytes | None:
    """Return a correct WAV file with the `fmt ` and `data` of a damaged one; None where those are not found."""
    if data[:4] not in (b"RIFF", b"RIFX", b"RF64") or data[8:12] != b"WAVE" or data[:4] == b"RIFX":
        return None
    form, position = b"", 12
    while position + 8 <= len(data):
        name, size = data[position : position + 4], struct.unpack_from("<I", data, position + 4)[0]
        start = position + 8
        if name == b"fmt " and 14 <= size <= 200:
            form = data[start : start + size]
        if name == b"data" and form:
            samples = data[start:] if size in _NO_SIZE or start + size > len(data) else data[start : start + size]
            return _wav(form, samples)
        position = _next_chunk(data, start, size)
    return None


def _next_chunk(data: bytes, start: int, size: int) -> int:
    """Return the offset of the next chunk: some writers leave out the pad byte after an odd size."""
    after = start + size
    unpadded = size % 2 and data[after : after + 4] in _CHUNKS
    return after if unpadded else after + size % 2


def _wav(form: bytes, samples: bytes) -> bytes:
    frame_bytes = max(1, int.from_bytes(form[12:14], "little"))
    samples = samples[: len(samples) // frame_bytes * frame_bytes]
    form += b"\0" * (len(form) % 2)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body + b"\0" * (len(samples) % 2)


def _stereo(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return [samples, 2] of [samples, 3 to 8]: surround folded down, else alternate channels left and right."""
    if samples.shape[1] in _SURROUND_CHANNELS:
        sides = samples[:, 4:].reshape(len(samples), -1, 2).sum(1) * _SIDE_GAIN
        mixed = samples[:, :2] + samples[:, 2:3] * _SIDE_GAIN + sides
        return np.asarray(mixed / (1 + _SIDE_GAIN * (samples.shape[1] - 2) / 2), dtype=np.float32)
    left, right = samples[:, 0::2].mean(1), samples[:, 1::2].mean(1)
    if samples.shape[1] == 3:  # the third is in the middle
        left, right = (samples[:, side] + samples[:, 2] * _SIDE_GAIN for side in (0, 1))
        left, right = left / (1 + _SIDE_GAIN), right / (1 + _SIDE_GAIN)
    return np.stack([left, right], axis=1).astype(np.float32)
