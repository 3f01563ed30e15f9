"""A recording that layers are made to fit: its tempo and length where nothing else is given, and its samples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.audio.wav import read_loop_info
from engine.errors import BadInputError
from engine.request import MAX_BARS, Audio, LoopRequest
from midi.files.file_part import existing
from midi.tempo import Meter, exact, samples_to_beats

from . import targets
from .layers import NONE
from .sounds import SoundPart
from .targets import Say

NEAR_BEATS = 0.1  # by which a recording may miss whole beats
_DEFAULTS = LoopRequest(seed=0)


def named(text: str) -> SoundPart | None:
    """Return the file that the setting `with` names; None for `none`, which leaves out a take's recording."""
    found = existing(Path(text))
    return None if text.strip().lower() == NONE and found is None else SoundPart.parse(text)


def fitting(sound: SoundPart, values: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Return tempo and bars of a recording, as far as `values` leave them open and the file tells them.

    `say` gets sentences on both. Raises `BadInputError` for a file that cannot be read.
    """
    info = read_loop_info(sound.path)
    file_tempo_bpm = exact(f"{info.tempo_bpm:.4f}") if info is not None and 20 <= info.tempo_bpm <= 999 else None
    tempo = values.get("tempo_bpm") or file_tempo_bpm or _DEFAULTS.tempo_bpm
    found: dict[str, Any] = {}
    if "tempo_bpm" not in values:
        if file_tempo_bpm is None:
            say(f"{sound.name} does not tell its tempo; it is heard at {float(tempo):g} BPM.")
        else:
            say(f"{sound.name} says {float(file_tempo_bpm):g} BPM, and so the loop is made.")
            found["tempo_bpm"] = file_tempo_bpm
    elif file_tempo_bpm is not None and abs(file_tempo_bpm / tempo - 1) > 0.005:
        say(f"{sound.name} says {float(file_tempo_bpm):g} BPM; the loop is made at {float(tempo):g} BPM.")
    if "bars" not in values:
        meter: Meter = values.get("time_signature", _DEFAULTS.meter)
        recording = sound.read()
        bars = round(samples_to_beats(recording.samples.shape[1], tempo, recording.sample_rate) / meter.beats_per_bar)
        if 1 <= bars <= MAX_BARS and bars != _DEFAULTS.bars:
            say(f"{sound.name} has {bars} bar{'s' * (bars != 1)}, and so the loop has.")
            found["bars"] = bars
    return found


def read_beside(sound: SoundPart, loop: LoopRequest, say: Say) -> Audio:
    """Return the recording as it sounds beside the loop, as long as the loop: repeated, cut, or with silence after it.

    Raises `BadInputError` for a file that cannot be read, or that is shorter than a beat.
    """
    reference = targets.audio(sound, say=say, loop_seconds=loop.seconds)
    samples = np.frombuffer(reference.samples, "<f4").reshape(-1, reference.channels)
    beats = samples_to_beats(len(samples), loop.tempo_bpm, reference.sample_rate)
    count, whole = round(loop.seconds * reference.sample_rate), round(beats)
    beat_samples = reference.sample_rate * 60 / float(loop.tempo_bpm)
    if beats < 1 - NEAR_BEATS:
        raise BadInputError(f"{sound.path} is shorter than a beat at {float(loop.tempo_bpm):g} BPM.")
    fitted = samples[:count]
    turns = 1
    if abs(beats - whole) <= NEAR_BEATS and loop.beats % whole == 0:
        turns = int(loop.beats / whole)
    if turns > 1:
        say(f"{sound.name} lasts {whole} beats and is heard {turns} times.")
        starts = [round(turn * whole * beat_samples) for turn in range(turns)]
        fitted = np.zeros((count, reference.channels), np.float32)
        for start, end in zip(starts, [*starts[1:], count], strict=True):
            piece = samples[: end - start]
            fitted[start : start + len(piece)] = piece
    elif beats > loop.beats + NEAR_BEATS:
        say(f"{sound.name} is longer than the loop; its first {float(loop.beats):g} beats are heard.")
    elif beats < loop.beats - NEAR_BEATS:
        say(f"{sound.name} lasts {float(beats):.3g} beats; nothing is heard beside the loop's others.")
    if not fitted.any():
        say(f"{sound.name} is silent, so that the layers hear nothing of it.")
    if len(fitted) < count:
        fitted = np.pad(fitted, ((0, count - len(fitted)), (0, 0)))
    return msgspec.structs.replace(reference, samples=fitted.astype("<f4").tobytes())
