"""Voices as audio kernels. Each adds one note into a circular stereo buffer, tails and all; `recorded` has its own.

Common arguments: `out` is float32 [2, samples] (a loop: time is modulo its length), `start` and
`hold` are in samples, `frequency_hz` the pitch, `from_hz` the pitch that a glide starts at,
`gain_l` and `gain_r` the two channels' gains.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .waveforms import HIGHEST_CUTOFF_HZ, LOWEST_CUTOFF_HZ, FloatArray

_BLOCK = 64


@kernel
def envelope(t: float, hold: float, attack: float, decay: float, sustain: float, release: float) -> float:
    """ADSR with an exponential decay, at `t` seconds after the start of a note held for `hold`."""
    x = min(t, hold)
    level = sustain + (1.0 - sustain) * math.exp(-(x - attack) / decay * 3.0)
    if x < attack:
        level = x / attack
    if t > hold:
        fade = max(0.0, 1.0 - (t - hold) / release)
        level *= fade * fade
    return level


@kernel
def bent(frequency_hz: float, from_hz: float, glide_s: float, vibrato_cents: float, t: float) -> float:
    """Return the frequency at `t` seconds into a note that glides from `from_hz` and has vibrato."""
    f = frequency_hz
    if glide_s > 0.0 and from_hz != frequency_hz:
        f = frequency_hz * (from_hz / frequency_hz) ** math.exp(-t / glide_s * 3.0)
    if vibrato_cents > 0.0:
        rise = min(1.0, t / 0.35)
        f *= 2.0 ** (vibrato_cents * rise * math.sin(2.0 * math.pi * 5.2 * t) / 1200.0)
    return f


@kernel
def grade(cutoff_hz: float, octaves: float, grades: int) -> float:
    """Return the place of a cutoff among the graded tables, between 0 and the last but one."""
    hz = cutoff_hz * 2.0**octaves
    place = math.log(hz / LOWEST_CUTOFF_HZ) / math.log(HIGHEST_CUTOFF_HZ / LOWEST_CUTOFF_HZ) * (grades - 1)
    return min(max(place, 0.0), grades - 1.001)


@kernel
def random_phases(count: int, length: int, seed: int) -> NDArray[np.float64]:
    """Return a starting place in the table for each unison voice; a single voice starts at 0."""
    phases = np.zeros(count, np.float64)
    state = (seed * 2654435761 + 12345) & 0xFFFFFFFF
    if count > 1:
        for u in range(count):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            phases[u] = state / 4294967296.0 * length
    return phases


@kernel
def add_cycle(
    left: FloatArray,
    right: FloatArray,
    table: FloatArray,
    phase: float,
    step: float,
    first: float,
    slope: float,
    gain_l: float,
    gain_r: float,
) -> None:
    """Add one oscillator's block: a bilinear read between two cutoffs, `first + slope * i` of the way up."""
    length = table.shape[1] - 1
    k = int(first + 0.5 * slope * _BLOCK)
    w = first - k
    for i in range(_BLOCK):
        x = phase + step * i
        j = int(x)
        r = np.float32(x - j)
        j = j & (length - 1)
        low = table[k, j] + r * (table[k, j + 1] - table[k, j])
        high = table[k + 1, j] + r * (table[k + 1, j + 1] - table[k + 1, j])
        s = low + np.float32(w + slope * i) * (high - low)
        left[i] += np.float32(gain_l) * s
        right[i] += np.float32(gain_r) * s


@kernel
def add_unison(
    left: FloatArray,
    right: FloatArray,
    table: FloatArray,
    phases: NDArray[np.float64],
    cycles: float,
    detune: float,
    spread: float,
    first: float,
    slope: float,
    gain_l: float,
    gain_r: float,
) -> None:
    """Add a block of all voices, `cycles` a sample each, detuned (cents) and spread; their `phases` move on."""
    voices, length = len(phases), table.shape[1] - 1
    scale = 1.41421 / math.sqrt(voices)
    for u in range(voices):
        place = 0.0 if voices == 1 else 2.0 * u / (voices - 1) - 1.0
        step = cycles * 2.0 ** (place * detune / 1200.0) * length
        side = place * spread * (1.0 if u % 2 else -1.0)
        loud_l, loud_r = scale * math.sqrt(0.5 - 0.5 * side), scale * math.sqrt(0.5 + 0.5 * side)
        add_cycle(left, right, table, phases[u], step, first, slope, loud_l * gain_l, loud_r * gain_r)
        p = phases[u] + step * _BLOCK
        phases[u] = p - math.floor(p / length) * length


@kernel
def pour(out: FloatArray, left: FloatArray, right: FloatArray, start: int, level: float, slope: float) -> None:
    """Add a block to the loop at `start` (modulo its length) with a level that moves by `slope` a sample."""
    n = out.shape[1]
    at = start % n
    for i in range(_BLOCK):
        e = np.float32(level + slope * i)
        out[0, at] += left[i] * e
        out[1, at] += right[i] * e
        at += 1
        if at == n:
            at = 0


@kernel
def add_wave(
    out: FloatArray,
    table: FloatArray,
    start: int,
    hold: int,
    frequency_hz: float,
    from_hz: float,
    gain_l: float,
    gain_r: float,
    velocity: float,
    v: FloatArray,
    beat_s: float,
    seed: int,
    sample_rate: float,
) -> None:
    """Play a cutoff-graded wavetable with unison; `v` has the values that `patches.WAVE_VALUES` names."""
    attack, decay, sustain, release = v[0], v[1], v[2], v[3]
    cutoff, sweep, sweep_s = v[4], v[5], v[6]
    voices, detune, spread = int(v[7]), v[8], v[9]
    lfo, lfo_hz, vibrato, glide_s = v[10], v[11] / beat_s, v[12], v[13]
    grades, length = table.shape[0], table.shape[1] - 1
    total = hold + int(release * sample_rate)
    left, right = np.zeros(_BLOCK, np.float32), np.zeros(_BLOCK, np.float32)
    phases = random_phases(voices, length, seed)
    g_now, e_now = -1.0, 0.0
    for b in range((total + _BLOCK - 1) // _BLOCK):
        t0, t1 = b * _BLOCK / sample_rate, (b + 1) * _BLOCK / sample_rate
        e_next = envelope(t1, hold / sample_rate, attack, decay, sustain, release)
        octaves = sweep * math.exp(-t1 / sweep_s * 2.0) * (0.5 + 0.5 * velocity)
        octaves -= lfo * (0.5 + 0.5 * math.cos(2.0 * math.pi * lfo_hz * (start / sample_rate + t1)))
        g_next = grade(cutoff, octaves, grades)
        g_now = g_next if g_now < 0.0 else g_now
        f = bent(frequency_hz, from_hz, glide_s, vibrato, t0)
        left[:] = 0.0
        right[:] = 0.0
        slope = (g_next - g_now) / _BLOCK
        add_unison(left, right, table, phases, f / sample_rate, detune, spread, g_now, slope, gain_l, gain_r)
        pour(out, left, right, start + b * _BLOCK, e_now, (e_next - e_now) / _BLOCK)
        e_now, g_now = e_next, g_next


@kernel
def bend(
    waves: NDArray[np.float64],
    sine: FloatArray,
    phases: NDArray[np.float64],
    steps: tuple[float, float, float],
    swings: tuple[float, float],
) -> None:
    """Fill a block with a carrier that two modulators bend; the `phases` of all three move on by `steps` a sample."""
    length = sine.shape[0] - 1
    for i in range(_BLOCK):
        m = sine[int(phases[1] + steps[1] * i) & (length - 1)] * swings[0]
        m += sine[int(phases[2] + steps[2] * i) & (length - 1)] * swings[1]
        x = phases[0] + steps[0] * i + m + 64.0 * length
        j = int(x)
        r = x - j
        j = j & (length - 1)
        waves[i] = sine[j] + r * (sine[j + 1] - sine[j])
    for k in range(3):
        phases[k] = (phases[k] + steps[k] * _BLOCK) % length


@kernel
def depths(v: FloatArray, velocity: float, cycles: float, t: float) -> tuple[float, float]:
    """Return how far each modulator bends the carrier `t` seconds into a note of `cycles` a sample, in radians."""
    index, decay_s, sustain = v[5], v[6], v[7]
    ratio_b, index_b, decay_b_s = v[8], v[9], v[10]
    strength = 0.35 + 0.65 * velocity
    room = min(1.0, max(0.0, (0.42 - cycles * (1.0 + ratio_b)) / 0.42 * 2.0))  # below half the sample rate
    first = strength * index * (sustain + (1.0 - sustain) * math.exp(-t / decay_s * 3.0))
    return first, strength * room * index_b * math.exp(-t / decay_b_s * 3.0)


@kernel
def add_fm(
    out: FloatArray,
    sine: FloatArray,
    start: int,
    hold: int,
    frequency_hz: float,
    from_hz: float,
    gain_l: float,
    gain_r: float,
    velocity: float,
    v: FloatArray,
    sample_rate: float,
) -> None:
    """Play two modulators into a carrier, once for each channel, a little detuned.

    `v` has the values that `patches.FM_VALUES` names; `sine` is one cycle and its first sample again.
    """
    attack, decay, sustain, release = v[0], v[1], v[2], v[3]
    ratio, ratio_b, detune, vibrato, glide_s = v[4], v[8], v[11], v[12], v[13]
    length = sine.shape[0] - 1
    n = out.shape[1]
    waves = np.zeros(_BLOCK, np.float64)
    hold_s = hold / sample_rate
    total = hold + int(release * sample_rate)
    for side in range(2):
        phases = np.zeros(3, np.float64)
        gain = gain_l if side == 0 else gain_r
        e_now = 0.0
        cents = detune if side == 0 else -detune
        for b in range((total + _BLOCK - 1) // _BLOCK):
            t0, t1 = b * _BLOCK / sample_rate, (b + 1) * _BLOCK / sample_rate
            e_next = envelope(t1, hold_s, attack, decay, sustain, release)
            slope = (e_next - e_now) / _BLOCK
            depth, depth_b = depths(v, velocity, frequency_hz / sample_rate, t0)
            f = 2.0 ** (cents / 1200.0) * bent(frequency_hz, from_hz, glide_s, vibrato, t0)
            step = f / sample_rate * length
            swing, swing_b = depth * length / 6.2831853, depth_b * length / 6.2831853
            bend(waves, sine, phases, (step, step * ratio, step * ratio_b), (swing, swing_b))
            at = (start + b * _BLOCK) % n
            for i in range(_BLOCK):
                out[side, at] += waves[i] * (e_now + slope * i) * gain
                at = at + 1 if at + 1 < n else 0
            e_now = e_next


@kernel
def plucked(size: int, position: float, bright: float, seed: int) -> NDArray[np.float64]:
    """Return a string of `size` samples pulled to a corner at the plectrum and roughened by noise; its peak is 1."""
    comb = max(1, int(position * size))
    line = np.zeros(size, np.float64)
    state = (seed * 2654435761 + 99991) & 0xFFFFFFFF
    smooth, mean, peak = 0.0, 0.0, 1e-9
    for i in range(size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        smooth += bright * (state / 2147483648.0 - 1.0 - smooth)
        corner = i / comb if i < comb else (size - i) / (size - comb)
        edge = 1.0 if i < comb else -comb / (size - comb)
        line[i] = corner - 0.5 + bright * (0.5 * edge + 0.6 * smooth)
        mean += line[i] / size
    for i in range(size):
        line[i] -= mean
        peak = max(peak, abs(line[i]))
    return line / peak


@kernel
def add_pluck(
    out: FloatArray,
    start: int,
    hold: int,
    frequency_hz: float,
    gain_l: float,
    gain_r: float,
    velocity: float,
    brightness: float,
    ring_s: float,
    position: float,
    release_s: float,
    seed: int,
    sample_rate: float,
) -> None:
    """Play a plucked string (Karplus and Strong 1983, tuned by a fractional delay)."""
    damping = 0.5 + 0.45 * brightness
    period = sample_rate / frequency_hz - (1.0 - damping)
    size = int(period) + 2
    whole = int(period)
    fraction = period - whole
    line = plucked(size, position, brightness * (0.5 + 0.5 * velocity), seed)
    loss = 0.001 ** (1.0 / (ring_s * frequency_hz))
    n = out.shape[1]
    release = int(release_s * sample_rate)
    write, last = 0, 0.0
    at = start % n
    for i in range(hold + release):
        a = (write - whole) % size
        x = line[a] + fraction * (line[(a - 1) % size] - line[a])
        y = loss * (damping * x + (1.0 - damping) * last)
        last = x
        line[write] = y
        write = write + 1 if write + 1 < size else 0
        e = 1.0 if i < hold else 1.0 - (i - hold) / release
        out[0, at] += y * e * gain_l
        out[1, at] += y * e * gain_r
        at = at + 1 if at + 1 < n else 0


@kernel
def add_sub(
    out: FloatArray,
    start: int,
    hold: int,
    frequency_hz: float,
    from_hz: float,
    gain: float,
    v: FloatArray,
    sample_rate: float,
) -> None:
    """Play a sine bass with a pitch drop, a glide, added harmonics and saturation: sub, 808, log drum.

    `v` has the values that `patches.SUB_VALUES` names.
    """
    attack, decay_s, release_s, punch = v[0], v[1], v[2], v[3]
    punch_s, drive, glide_s, harmonics = v[4], v[5], v[6], v[7]
    n = out.shape[1]
    release = int(release_s * sample_rate)
    push = max(drive, 0.2)
    norm = gain / math.tanh(push)
    c, s = 1.0, 0.0
    at = start % n
    for i in range(hold + release):
        t = i / sample_rate
        if i % 16 == 0:
            f = frequency_hz * 2.0 ** (punch * math.exp(-t / punch_s))
            if from_hz != frequency_hz and glide_s > 0.0:
                f *= (from_hz / frequency_hz) ** math.exp(-t / glide_s * 3.0)
            e = math.exp(-t / decay_s)
            if i > hold:
                e *= 1.0 - (i - hold) / release
            turn_c, turn_s = math.cos(math.tau * f / sample_rate), math.sin(math.tau * f / sample_rate)
        rise = min(1.0, t / attack)
        c, s = turn_c * c - turn_s * s, turn_s * c + turn_c * s
        x = s + harmonics * s * (1.2 * c + 0.4 * (3.0 - 4.0 * s * s))  # the second and third partial from the first
        tail = 1.0 if i <= hold else 1.0 - (i - hold) / release
        y = (1.0 - 2.0 / (math.exp(2.0 * push * x) + 1.0)) * norm * rise * e * tail
        out[0, at] += y
        out[1, at] += y
        at = at + 1 if at + 1 < n else 0
