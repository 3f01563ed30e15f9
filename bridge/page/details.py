"""One take as numbers for the page: its outline, its spectrum, and each control's target with the measured level.

This loads SciPy, and the report Matplotlib: see `take_worker`.
"""

import base64
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.audio.wav import read_audio
from engine.curves import level_db
from engine.metrics import intensity
from engine.request import Curve, LoopRequest, Notes, Onsets, Words

from ..report.measure import outline, spectrogram
from ..takes.library import StoredTake
from ..takes.library import sidecar as read_whole
from .cards import Json, card
from .downloads import stems_by_layer

OUTLINE_COLUMNS = 600
PICTURE_FRAMES = 360
PICTURE_FLOOR_DB = -90.0  # of the loudest band: darker is black
LINE_POINTS = 400


class _Record(msgspec.Struct, frozen=True):
    """Fields of a sidecar that only some takes have."""

    loss_curves: dict[str, list[float]] = {}
    notes: tuple[str, ...] = ()
    method: str = ""
    seconds_optimising: float = 0.0


def described(take: StoredTake) -> Json:
    """Return a card with the take's outline, spectrum, losses, and each control's target with the measured level."""
    whole = read_whole(take)
    request = whole.request
    record = msgspec.json.decode(take.wav.with_suffix(".json").read_bytes(), type=_Record)
    samples, sample_rate = read_audio(take.wav)
    mono = samples.astype(np.float64).mean(0)
    low, high = outline(mono, min(OUTLINE_COLUMNS, len(mono)))
    picture = spectrogram(mono, sample_rate, circular=request.loop, frames=PICTURE_FRAMES)
    shade = np.clip((picture.values - picture.values.max()) / -PICTURE_FLOOR_DB + 1, 0, 1)
    return {
        **card(take),
        "beats": float(request.beats),
        "chords": whole.chords or request.chords,
        "muted": list(request.mute),
        "stems": list(stems_by_layer(take.wav)),
        "beats_per_bar": float(request.meter.beats_per_bar),
        "time_signature": str(request.meter),
        "sample_rate": sample_rate,
        "samples": samples.shape[1],
        "outline": [_rounded(low), _rounded(high)],
        "spectrum": {
            "rows": picture.values.shape[0],
            "columns": picture.values.shape[1],
            "shade": base64.b64encode((shade * 255).astype(np.uint8).tobytes()).decode(),
        },
        "losses": {name: _thinned(values) for name, values in record.loss_curves.items()},
        "seconds": record.seconds_optimising,
        "notes": list(record.notes),
        "controls": [_control(one.kind, one.target, request, mono, sample_rate) for one in request.controls],
    }


def _control(kind: str, target: Any, request: LoopRequest, mono: "np.ndarray[Any, Any]", sample_rate: int) -> Json:
    """Return the target of a control as a line or as notes and, where it is a level, the level that was measured."""
    found: Json = {"kind": kind}
    match target:
        case Curve() if target.unit == "db":
            frames = intensity.frame_count(len(mono), sample_rate)
            measured = intensity.level_curve(mono, sample_rate, circular=request.loop)
            drawn = intensity.wanted_curve(
                level_db(target, request.beats, frames), len(mono), sample_rate, circular=request.loop
            )
            found |= {"asked": _thinned(drawn.tolist()), "heard": _thinned(measured.tolist()), "unit": "dB"}
        case Curve():
            found |= {"points": [[float(point.beat), point.value] for point in target.points], "unit": target.unit}
        case Notes():
            found["notes"] = [
                [note.pitch, float(note.start), float(note.duration), note.velocity] for note in target.notes
            ]
        case Onsets():
            found["onsets"] = [[float(onset.beat), onset.strength, onset.group] for onset in target.onsets]
        case Words():
            found["text"] = target.text
    return found


def _thinned(values: list[float]) -> list[float]:
    step = max(1, len(values) // LINE_POINTS)
    return [round(value, 3) for value in values[::step]]


def _rounded(values: "np.ndarray[Any, Any]") -> list[float]:
    return [round(float(value), 3) for value in values]


def draw_report(take: StoredTake, path: Path) -> None:
    """Draw the report about a take as a picture."""
    from ..report.page import write_report

    whole = read_whole(take)
    record = msgspec.json.decode(take.wav.with_suffix(".json").read_bytes())
    write_report(path, take.wav, whole.request, whole.scores, record)
