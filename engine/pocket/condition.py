"""The condition of a loop: words, tempo, metre, bars and key as one vector."""

import math
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction

import torch
from torch import Tensor

from midi.key import Key

WORD_SLOTS = 256  # more than the vocabulary has: new words are appended, old weights stay good
_TEMPO_WAVES = 4
_KEY_CHANNELS = 12 + 12 + 1
_TIME_CHANNELS = 2 * _TEMPO_WAVES + 2 * 4 + 4 + 1 + 14
SECTIONS = (WORD_SLOTS, _KEY_CHANNELS, _TIME_CHANNELS)
CHANNELS = sum(SECTIONS)


def describe(
    words: Iterable[int],
    *,
    tempo_bpm: float,
    beats_per_bar: Fraction,
    bars: int,
    key: Key | None,
    scale: Collection[int] | None = None,
) -> Tensor:
    """Return the condition [CHANNELS]; `words` are ids, `scale` pitch classes if other than the key's."""
    vector = torch.zeros(CHANNELS)
    for word in words:
        vector[word] = 1.0
    if key is not None:
        vector[WORD_SLOTS + key.tonic] = 1.0
        for pitch_class in scale if scale is not None else key.pitch_classes:
            vector[WORD_SLOTS + 12 + pitch_class] = 1.0
        vector[WORD_SLOTS + 24] = 1.0
    vector[WORD_SLOTS + _KEY_CHANNELS :] = torch.tensor(_time(tempo_bpm, beats_per_bar, bars))
    return vector


def multi_hot(bags: Sequence[Iterable[int]]) -> Tensor:
    """Return a row [WORD_SLOTS] of zeros and ones for each bag of word ids."""
    rows = torch.zeros(len(bags), WORD_SLOTS)
    for row, ids in zip(rows, bags, strict=True):
        row[list(ids)] = 1
    return rows


def _time(tempo_bpm: float, beats_per_bar: Fraction, bars: int) -> list[float]:
    octaves = math.log2(tempo_bpm / 110)
    values = [wave(math.pi * octaves * k / 2) for k in range(1, _TEMPO_WAVES + 1) for wave in (math.sin, math.cos)]
    length = float(beats_per_bar)
    values += [wave(2 * math.pi * length / period) for period in (4, 8, 3, 1) for wave in (math.sin, math.cos)]
    values += [float(bars == count) for count in (1, 2, 4, 8)]
    values.append(math.log2(bars * length * 60 / tempo_bpm / 6))
    values += [float(round(2 * length) == halves) for halves in range(4, 18)]
    return values
