"""What a recorded loop tells of itself: its tempo, by its file or its name, and how many bars it has."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from engine.audio.reading import Recording
from engine.audio.wav import read_loop_info
from engine.request import MAX_BARS, LoopRequest
from midi.tempo import MAX_TEMPO_BPM, MIN_TEMPO_BPM, Meter, exact, samples_to_beats

from .sounds import SoundPart

DEFAULTS = LoopRequest(seed=0)
_NAMED_BPM = re.compile(r"(?<![\d.,])(\d{2,3}(?:[.,]\d{1,3})?)[\s_-]*bpm(?![a-z])", re.IGNORECASE)
_OTHER_TEMPO = 0.005  # share by which two tempi differ that are not only rounded otherwise


def tempo_of(path: Path) -> tuple[Fraction | None, str]:
    """Return the tempo that a file tells, in BPM, None where it tells none; and what tells it, for a sentence."""
    info = read_loop_info(path)
    if info is not None and MIN_TEMPO_BPM <= info.tempo_bpm <= MAX_TEMPO_BPM:
        return exact(f"{info.tempo_bpm:.4f}"), path.name
    named_bpm = [exact(match[1].replace(",", ".")) for match in _NAMED_BPM.finditer(path.stem)]
    allowed = [tempo_bpm for tempo_bpm in named_bpm if MIN_TEMPO_BPM <= tempo_bpm <= MAX_TEMPO_BPM]
    return (allowed[0] if allowed else None), f"The name of {path.name}"


def told_tempo(sound: SoundPart, values: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Return the tempo that a recording tells, where `values` have none; say so, and where they have another one."""
    file_bpm, where = tempo_of(sound.path)
    if file_bpm is None:
        return {}
    asked_bpm: Fraction | None = values.get("tempo_bpm")
    if asked_bpm is None:
        say(f"{where} says {float(file_bpm):g} BPM, and so the loop is made.")
        return {"tempo_bpm": file_bpm}
    if abs(file_bpm / asked_bpm - 1) > _OTHER_TEMPO:
        say(f"{where} says {float(file_bpm):g} BPM; the loop is made at {float(asked_bpm):g} BPM.")
    return {}


def whole_bars(
    sound: SoundPart, recording: Recording, values: Mapping[str, Any], say: Callable[[str], None]
) -> dict[str, Any]:
    """Return the bars that a recording lasts, where `values` have none and a loop may have so many; say so."""
    if "bars" in values:
        return {}
    meter: Meter = values.get("time_signature", DEFAULTS.meter)
    tempo_bpm = values.get("tempo_bpm", DEFAULTS.tempo_bpm)
    beats = samples_to_beats(recording.samples.shape[1], tempo_bpm, recording.sample_rate)
    bars = round(beats / meter.beats_per_bar)
    if not 1 <= bars <= MAX_BARS or bars == DEFAULTS.bars:
        return {}
    say(f"{sound.name} has {bars} bar{'s' * (bars != 1)}, and so the loop has.")
    return {"bars": bars}
