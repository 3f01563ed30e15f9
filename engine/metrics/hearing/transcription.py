"""Transcribes a loop: one line of notes, chords, and hits of kick, snare and hat.

Of the request only the number of bars is used, so that no target can bias the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from midi.grooves.rhythm import Group

from ..framing import Signal, mono
from ..rhythm import onset_times
from .chords import MIN_SECONDS, nearest
from .chroma import chroma_of
from .pitch import HOP_SECONDS, pitches_of

MELODY_HZ = (110.0, 1800.0)
SHORTEST_SECONDS = 0.06  # of a note
GLIDE_SECONDS = 0.12  # a shorter stretch of one pitch without an attack is a glide, no note
FAINT, LOUDER = 0.1, 1.15  # least level beside the loudest note; least rise of level at an attack
NEAR_SECONDS = 0.1  # largest distance of a pitch's detected start and its attack
SILENT_DB = 40.0  # a stretch so far under the loudest has no chord
# Around a hit mean energies are compared: from BEFORE to GAP before it, and from it to AFTER.
BEFORE_SECONDS, GAP_SECONDS, AFTER_SECONDS = 0.045, 0.005, 0.05
EDGES_HZ = (20.0, 130.0, 350.0, 1_500.0, 5_000.0, 16_000.0)
KICK, SNARE, HAT = 0.02, 0.06, 0.1  # least rise beside the strongest in their band; a hat's beside the usual one


@dataclass(frozen=True, slots=True)
class DetectedNote:
    """A note: start and end in seconds, MIDI pitch, and level over the loudest note's, 0 to 1."""

    start_seconds: float
    end_seconds: float
    pitch: int
    strength: float


@dataclass(frozen=True, slots=True)
class DetectedChord:
    """A chord: start and end in seconds, root 0 (C) to 11, and quality `major` or `minor`."""

    start_seconds: float
    end_seconds: float
    root: int
    quality: str


@dataclass(frozen=True, slots=True)
class DetectedHit:
    """A hit: its time in seconds, its drum group, and its strength beside the strongest of the group, 0 to 1."""

    seconds: float
    group: Group
    strength: float


def melody_of(audio: NDArray[np.floating], sample_rate: int, *, circular: bool = True) -> list[DetectedNote]:
    """Return the notes of the most periodic line in `audio` [channels, samples], sorted by start; none without one.

    `circular` says whether onsets are found round the loop.
    """
    signal = mono(audio)
    seconds = len(signal) / sample_rate
    pitches = pitches_of(signal, sample_rate, MELODY_HZ)
    hop = seconds / len(pitches)
    steps = median_filter(np.where(np.isfinite(pitches), np.round(np.nan_to_num(pitches)), 0), 3, mode="wrap")
    attacks = _attacks(signal, sample_rate, circular=circular)
    attacks = np.concatenate([attacks[attacks > seconds - NEAR_SECONDS] - seconds, attacks])  # late ones are the first
    found: list[tuple[float, float, int]] = []
    index = 0
    for pitch, run in groupby(steps):
        length = len(list(run))
        start, end = index * hop, (index + length) * hop
        index += length
        if pitch > 0 and end - start >= 2 * HOP_SECONDS:
            found += [(first, last, int(pitch)) for first, last in _struck(start, min(end, seconds), attacks)]
    found = _one_voice(found)
    levels = [_level(signal[round(a * sample_rate) : round(b * sample_rate)]) for a, b, _ in found]
    loudest = max(levels, default=1.0) or 1.0
    notes = [DetectedNote(a, b, pitch, level / loudest) for (a, b, pitch), level in zip(found, levels, strict=True)]
    return [note for note in notes if note.strength >= FAINT]


def _one_voice(notes: Sequence[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """Return (start, end, pitch) notes without overlaps; of two that start within 60 ms the longer is kept."""
    kept: list[tuple[float, float, int]] = []
    for start, end, pitch in notes:
        if kept and start - kept[-1][0] < SHORTEST_SECONDS:
            if end - start <= kept[-1][1] - kept[-1][0]:
                continue
            kept.pop()
        if kept:
            kept[-1] = (kept[-1][0], min(kept[-1][1], start), kept[-1][2])
        kept.append((start, end, pitch))
    return kept


def _attacks(signal: Signal, sample_rate: int, *, circular: bool) -> Signal:
    """Return the onsets in seconds after which the level is higher than before; echoes and beating are left out."""
    onsets = onset_times(signal, sample_rate, circular=circular)
    around = np.concatenate([signal[-sample_rate:], signal, signal[:sample_rate]])
    shift = min(sample_rate, len(signal))

    def level(first: float, last: float) -> float:
        return _level(around[round(first * sample_rate) + shift : round(last * sample_rate) + shift])

    louder = [level(at, at + AFTER_SECONDS) > LOUDER * level(at - BEFORE_SECONDS, at - GAP_SECONDS) for at in onsets]
    return np.asarray(onsets[np.array(louder, dtype=bool)])


def _struck(start: float, end: float, attacks: Signal) -> list[tuple[float, float]]:
    """Return the notes of a stretch of one pitch: it starts at a near attack, and each attack inside starts another."""
    near = attacks[np.abs(attacks - start) <= NEAR_SECONDS]
    begin = max(0.0, float(near[np.argmin(np.abs(near - start))])) if len(near) else start
    inside = [float(one) for one in attacks if begin + SHORTEST_SECONDS < one < end - SHORTEST_SECONDS]
    edges = [begin, *inside, end]
    pairs = [(a, b) for a, b in zip(edges, edges[1:], strict=False) if b - a >= SHORTEST_SECONDS]
    # A pitch that begins without an attack and is short is where one note gives way to another.
    return pairs[1:] if pairs and not len(near) and pairs[0][1] - pairs[0][0] < GLIDE_SECONDS else pairs


def chords_of(audio: NDArray[np.floating], sample_rate: int, bars: int) -> list[DetectedChord]:
    """Return the chords of a loop [channels, samples] of `bars` bars, one per half bar, equal neighbours joined.

    Where a half bar is shorter than 0.4 s it is one per bar; silent stretches have none.
    """
    signal = np.atleast_2d(audio)
    count = bars * (2 if signal.shape[1] / sample_rate / bars >= 2 * MIN_SECONDS else 1)
    edges = np.linspace(0, signal.shape[1], count + 1).round().astype(int)
    pieces = [signal[:, start:end] for start, end in zip(edges, edges[1:], strict=False)]
    levels = np.array([_level(piece) for piece in pieces])
    quiet = levels <= levels.max(initial=0) * 10 ** (-SILENT_DB / 20)
    triads = [None if silent else _triad(piece, sample_rate) for piece, silent in zip(pieces, quiet, strict=True)]
    found: list[DetectedChord] = []
    for index, chord in enumerate(triads):
        start, end = edges[index] / sample_rate, edges[index + 1] / sample_rate
        if chord is None:
            continue
        if found and found[-1].end_seconds == start and (found[-1].root, found[-1].quality) == chord:
            found[-1] = DetectedChord(found[-1].start_seconds, end, *chord)
        else:
            found.append(DetectedChord(start, end, *chord))
    return found


def _triad(piece: NDArray[np.floating], sample_rate: int) -> tuple[int, str] | None:
    chroma = chroma_of(piece, sample_rate)
    return nearest(chroma) if chroma.max(initial=0) > 0 else None


def hits_of(audio: NDArray[np.floating], sample_rate: int, *, circular: bool = True) -> list[DetectedHit]:
    """Return the hits in `audio` [channels, samples], sorted by time, by the bands in which energy rises.

    The groups are kick, snare (clap and rim, too) and hat (cymbals, too); one onset may be hits of several.
    """
    signal = mono(audio)
    times = onset_times(signal, sample_rate, circular=circular)
    if not len(times):
        return []
    rises = _rises(signal, sample_rate, times)
    shares = rises / np.maximum(rises.sum(1, keepdims=True), 1e-12)
    strongest = np.maximum(rises.max(0), 1e-12)
    low, mids, mid, high = rises[:, 0], shares[:, 1] + shares[:, 2], rises[:, 3], rises[:, 4]
    alone = shares[:, 4] >= 0.5
    usual = float(np.median(high[alone])) if alone.any() else np.inf
    is_kick = (low >= KICK * strongest[0]) & (shares[:, 0] >= 0.05)
    is_snare = (mid >= SNARE * strongest[3]) & (shares[:, 3] >= 0.06) & (mids >= 0.1)
    is_hat = alone | (~is_snare & (high >= HAT * usual))
    found: list[DetectedHit] = []
    groups: tuple[tuple[Group, NDArray[np.bool_], Signal], ...] = (
        ("kick", is_kick, low), ("snare", is_snare, mid), ("hat", is_hat, high),
    )  # fmt: skip
    for group, chosen, rise in groups:
        most = rise[chosen].max(initial=1e-12)
        found += [
            DetectedHit(float(at), group, float(np.sqrt(np.clip(one / most, 0, 1))))
            for at, one in zip(times[chosen], rise[chosen], strict=True)
        ]
    return sorted(found, key=lambda hit: (hit.seconds, hit.group))


def _rises(signal: Signal, sample_rate: int, times: Signal) -> Signal:
    """Return the rise of mean power in each band at each time, circularly: [times, bands]."""
    spectrum = np.fft.rfft(signal)
    hz = np.fft.rfftfreq(len(signal), 1 / sample_rate)
    rises = np.zeros((len(times), len(EDGES_HZ) - 1))
    # A loop may be shorter than what is compared around a hit, which then reaches over several of its turns.
    turns_before, turns_after = (
        int(np.ceil((seconds * sample_rate + 1) / len(signal))) for seconds in (BEFORE_SECONDS, AFTER_SECONDS)
    )
    for band, (low, high) in enumerate(zip(EDGES_HZ, EDGES_HZ[1:], strict=False)):
        power = np.fft.irfft(np.where((hz >= low) & (hz < high), spectrum, 0), len(signal)) ** 2
        sums = np.concatenate([[0.0], np.cumsum(np.tile(power, turns_before + 1 + turns_after))])

        def mean(first: Signal, last: Signal, sums: Signal = sums) -> Signal:
            start, end = (turns_before * len(signal) + np.round(at * sample_rate).astype(int) for at in (first, last))
            return np.asarray((sums[end] - sums[start]) / np.maximum(end - start, 1))

        after, before = mean(times, times + AFTER_SECONDS), mean(times - BEFORE_SECONDS, times - GAP_SECONDS)
        rises[:, band] = np.maximum(after - before, 0)
    return rises


def _level(audio: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if audio.size else 0.0
