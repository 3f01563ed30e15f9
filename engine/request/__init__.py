"""The request for one loop and its takes, the same type from command line, OSC and ZeroMQ.

A `LoopRequest` that exists is valid: everything is checked when it is made, and nowhere else.
Musical time is beats (quarter notes) as exact fractions; it becomes samples in `midi.tempo` only.
Targets are values, never paths: whoever sits beside the files (command line, bridge) reads them.
In Python plain lists and numbers will do: `Curve([(0, -30), (8, -12)])`, `LoopRequest(tempo_bpm=93.7, meter="7/8")`.
"""

from .builtin import BUILTIN_CONTROLS, BuiltinControl, targets_of
from .layers import LAYERS, MIX, Layer, chord_spans
from .loop import (
    CHANCE,
    MAX_BARS,
    MAX_COUNT,
    MAX_SEED,
    MAX_SOUND_BYTES,
    Budget,
    Control,
    LoopRequest,
    Method,
    Quality,
    Start,
    new_id,
    new_seed,
)
from .targets import (
    CURVE_UNITS,
    MAX_AUDIO_RATE_HZ,
    MIN_AUDIO_RATE_HZ,
    Audio,
    Curve,
    CurveUnit,
    Notes,
    Number,
    Onsets,
    Point,
    Target,
    Words,
)

__all__ = [
    "BUILTIN_CONTROLS",
    "CHANCE",
    "CURVE_UNITS",
    "LAYERS",
    "MAX_AUDIO_RATE_HZ",
    "MAX_BARS",
    "MAX_COUNT",
    "MAX_SEED",
    "MAX_SOUND_BYTES",
    "MIN_AUDIO_RATE_HZ",
    "MIX",
    "Audio",
    "Budget",
    "BuiltinControl",
    "Control",
    "Curve",
    "CurveUnit",
    "Layer",
    "LoopRequest",
    "Method",
    "Notes",
    "Number",
    "Onsets",
    "Point",
    "Quality",
    "Start",
    "Target",
    "Words",
    "chord_spans",
    "new_id",
    "new_seed",
    "targets_of",
]
