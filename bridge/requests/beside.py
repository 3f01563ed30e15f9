"""A recording that layers are made to fit: its tempo and length where nothing else is given, and its samples."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.audio.repeat import NEAR_BEATS, turn_beats, turned
from engine.errors import BadInputError
from engine.request import MAX_BARS, Audio, LoopRequest
from midi.files.file_part import existing
from midi.tempo import Meter, exact, samples_to_beats

from . import targets
from .layers import NONE
from .recorded import DEFAULTS, told_tempo, whole_bars
from .sounds import SoundPart
from .targets import Say


def named(text: str) -> SoundPart | None:
    """Return the file that the setting `with` names; None for `none`, which leaves out a take's recording."""
    found = existing(Path(text))
    return None if text.strip().lower() == NONE and found is None else SoundPart.parse(text)


def fitting(sound: SoundPart, values: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Return tempo and bars of a recording, as far as `values` leave them open and the file tells them.

    The tempo is that in the file, else that in its name, else the nearest to 120 BPM at which it lasts whole bars.
    `say` gets sentences on both. Raises `BadInputError` for a file that cannot be read.
    """
    recording = sound.read()
    meter: Meter = values.get("time_signature", DEFAULTS.meter)
    found = told_tempo(sound, values, say)
    if not found and "tempo_bpm" not in values:
        if guessed := _at_whole_bars(Fraction(recording.samples.shape[1], recording.sample_rate), meter):
            bars, found["tempo_bpm"] = guessed
            counted = f"{bars} bar{'s' * (bars != 1)} of {meter}"
            say(
                f"{sound.name} does not tell its tempo; it is heard at {float(found['tempo_bpm']):g} BPM, "
                f"at which it lasts {counted}."
            )
        else:
            say(f"{sound.name} does not tell its tempo; it is heard at {float(DEFAULTS.tempo_bpm):g} BPM.")
    return found | whole_bars(sound, recording, {**values, **found}, say)


def _at_whole_bars(seconds: Fraction, meter: Meter) -> tuple[int, Fraction] | None:
    """Return the bars that a recording has at the tempo nearest to 120 BPM that gives whole ones, and that tempo.

    None where no tempo from 60 to 240 BPM does: such a recording is a single sound, or longer than a loop.
    """
    tempi = {bars: 60 * bars * meter.beats_per_bar / seconds for bars in range(1, MAX_BARS + 1)}
    bars = min(tempi, key=lambda count: abs(tempi[count] - DEFAULTS.tempo_bpm))
    tempo_bpm = exact(f"{float(tempi[bars]):.2f}")
    return (bars, tempo_bpm) if DEFAULTS.tempo_bpm / 2 <= tempo_bpm <= DEFAULTS.tempo_bpm * 2 else None


def read_beside(sound: SoundPart, loop: LoopRequest, say: Say) -> Audio:
    """Return the recording as it sounds beside the loop, as long as the loop: repeated, cut, or with silence after it.

    Raises `BadInputError` for a file that cannot be read, or that is shorter than a beat.
    """
    reference = targets.audio(sound, say=say, loop_seconds=loop.seconds)
    samples = targets.samples_of(reference)
    beats = samples_to_beats(len(samples), loop.tempo_bpm, reference.sample_rate)
    if beats < 1 - NEAR_BEATS:
        raise BadInputError(f"{sound.path} is shorter than a beat at {float(loop.tempo_bpm):g} BPM.")
    count = round(loop.seconds * reference.sample_rate)
    fitted = samples[:count]
    if len(fitted) < count:
        fitted = np.pad(fitted, ((0, count - len(fitted)), (0, 0)))
    if turn := turn_beats(beats, loop.beats):
        fitted = fitted[turned(count, loop.beats, turn)]
    if said := _lasts(beats, turn, loop.beats):
        say(f"{sound.name} {said}.")
    if targets.is_silent(fitted):
        say(f"{sound.name} is silent, so that the layers hear nothing of it.")
    return msgspec.structs.replace(reference, samples=fitted.astype("<f4").tobytes())


def _lasts(beats: Fraction, turn: int, loop_beats: Fraction) -> str:
    """Return what becomes of a recording that is not as long as the loop; empty for one that is."""
    if beats > loop_beats + NEAR_BEATS:
        return f"is longer than the loop; its first {_counted(loop_beats)} are heard"
    if turn and (left := loop_beats % turn):
        return f"lasts {_counted(turn)} and is repeated; its last turn is cut after {_counted(left)}"
    if turn:
        return f"lasts {_counted(turn)} and is heard {loop_beats / turn} times"
    if beats < loop_beats - NEAR_BEATS:
        return f"lasts {_counted(beats)}; the loop's last {_counted(loop_beats - beats)} have silence beside them"
    return ""


def _counted(beats: Fraction | int) -> str:
    return f"{float(beats):.3g} beat{'s' * (beats != 1)}"
