"""The share of a loop's chords that `hearing.chords` recognises; no loss uses that recogniser."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from midi.chords.text import ChordSpan
from midi.tempo import Beats, beats_to_seconds

from .hearing.chords import Stretch, share_recognised
from .verdict import Verdict, of_share

GOOD_SHARE, NEAR_SHARE = 0.8, 0.6  # from which chords count as followed, and as nearly followed
SHARE_OF = "its chords are recognised"


def recognised(
    audio: NDArray[np.floating], sample_rate: int, spans: Sequence[ChordSpan], tempo_bpm: Beats
) -> float | None:
    """Return the share of major and minor chords whose root and third are heard in a loop [channels, samples].

    `tempo_bpm` turns beats into seconds. Chords under 0.4 s, and chords that are neither, do not count; None where no
    chord is left.
    """
    sounding = [span for span in spans if span.chord.pitch_classes]
    return share_recognised(audio, sample_rate, [_stretch(span, tempo_bpm) for span in sounding])


def verdict(share: float | None, kind: str = "chords") -> Verdict | None:
    """Return the verdict on a share of `recognised`, None for None; `kind` begins the sentence."""
    return of_share(kind, share, good=GOOD_SHARE, near=NEAR_SHARE, of=SHARE_OF)


def _stretch(span: ChordSpan, tempo_bpm: Beats) -> Stretch:
    start, end = (float(beats_to_seconds(beat, tempo_bpm)) for beat in (span.beat, span.beat + span.beats))
    return Stretch(start, end, span.chord.root, span.chord.pitch_classes)
