"""Whether the chords of a loop are heard, by the ear of `hearing.chords`, of which no loss has a part."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from midi.chords.text import ChordSpan
from midi.tempo import Beats, beats_to_seconds

from .hearing.chords import Stretch, share_recognised
from .verdict import Verdict, of_share


def recognised(
    audio: NDArray[np.floating], sample_rate: int, spans: Sequence[ChordSpan], tempo_bpm: Beats
) -> float | None:
    """Return the share of major and minor chords whose root and third are heard in a loop [channels, samples].

    None where there is none that can be told: short ones, and those without a plain third.
    """
    sounding = [span for span in spans if span.chord.pitch_classes]
    return share_recognised(audio, sample_rate, [_stretch(span, tempo_bpm) for span in sounding])


def verdict(share: float | None, kind: str = "chords") -> Verdict | None:
    """Return the verdict on chords that were asked for, None where none of them can be told."""
    return of_share(kind, share, good=0.8, near=0.6, of="its chords are recognised")


def _stretch(span: ChordSpan, tempo_bpm: Beats) -> Stretch:
    start, end = (float(beats_to_seconds(beat, tempo_bpm)) for beat in (span.beat, span.beat + span.beats))
    return Stretch(start, end, span.chord.root, span.chord.pitch_classes)
