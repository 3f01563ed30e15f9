"""Circular effects on stereo stems, float32 [2, samples]: what leaves the end enters the start.

Recursive ones run the loop twice (or warm up on its end) and keep the second pass.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .jit import kernel
from .waveforms import FloatArray

_REVERB_DELAYS = np.array([1423, 1777, 2137, 2503, 2903, 3343, 3761, 4253], dtype=np.int64)
_REVERB_ROWS = 8192
"""Samples that the lines remember: a power of two over the longest delay at the largest size, 1.1."""


@kernel
def reverb(x: FloatArray, seconds: float, damping: float, size: float, sample_rate: float) -> FloatArray:
    """Feedback delay network of eight lines with a Householder matrix; returns only the wet sound.

    `seconds` is the decay time to -60 dB, `damping` 0..1 how much sooner the treble dies.
    """
    n = x.shape[1]
    lines = 8
    delays = np.empty(lines, np.int64)
    gains = np.empty(lines, np.float32)
    for k in range(lines):
        delays[k] = min(max(64, int(_REVERB_DELAYS[k] * size * sample_rate / 44100.0)), _REVERB_ROWS - 1)
        gains[k] = 10.0 ** (-3.0 * delays[k] / (seconds * sample_rate))
    # One row for each moment, the lines side by side: each line writes where it will be heard.
    memory = np.zeros((_REVERB_ROWS, lines), np.float32)
    low = np.zeros(lines, np.float32)
    wet = np.zeros((2, n), np.float32)
    d = np.float32(damping)
    one = np.float32(1.0) - d
    now = 0
    for turn in range(2):
        for i in range(n - min(n, int(seconds * sample_rate)) if turn == 0 else 0, n):
            total = np.float32(0.0)
            for k in range(lines):
                low[k] = one * memory[now, k] + d * low[k]
                total += low[k] * gains[k]
            total *= np.float32(0.25)
            if turn == 1:
                wet[0, i] = low[0] - low[2] + low[4] - low[6]
                wet[1, i] = low[1] - low[3] + low[5] - low[7]
            a, b = x[0, i] - total, x[1, i] - total
            for k in range(lines // 2):
                even, odd = 2 * k, 2 * k + 1
                memory[(now + delays[even]) % _REVERB_ROWS, even] = low[even] * gains[even] + a
                memory[(now + delays[odd]) % _REVERB_ROWS, odd] = low[odd] * gains[odd] + b
            now = (now + 1) % _REVERB_ROWS
    return wet


@kernel
def delay(x: FloatArray, samples: int, feedback: float, damping: float) -> FloatArray:
    """Ping-pong echoes of `samples` apart; returns only the echoes."""
    n = x.shape[1]
    wet = np.zeros((2, n), np.float32)
    line = np.zeros((2, samples), np.float32)
    low = np.zeros(2, np.float32)
    d, one, f = np.float32(damping), np.float32(1.0 - damping), np.float32(feedback)
    place = 0
    rounds = int(samples * math.log(0.002) / math.log(feedback) / n) + 2
    for turn in range(rounds):
        for i in range(n):
            a, b = line[0, place], line[1, place]
            low[0] = one * a + d * low[0]
            low[1] = one * b + d * low[1]
            if turn == rounds - 1:
                wet[0, i] = a
                wet[1, i] = b
            line[0, place] = np.float32(0.5) * (x[0, i] + x[1, i]) + f * low[1]
            line[1, place] = f * low[0]
            place += 1
            if place == samples:
                place = 0
    return wet


@kernel
def chorus(x: FloatArray, amount: float, turns: int, sample_rate: float) -> FloatArray:
    """Two modulated delays, `turns` cycles a loop so that it closes."""
    n = x.shape[1]
    out = np.empty((2, n), np.float32)
    middle, swing, mix = 0.012 * sample_rate, 0.004 * sample_rate, np.float32(amount)
    turn_c, turn_s = math.cos(math.tau * turns / n), math.sin(math.tau * turns / n)
    c, s = 1.0, 0.0
    for i in range(n):
        for side in range(2):
            p = i - middle - swing * (c if side else s) + n
            j = int(p)
            r = np.float32(p - j)
            j = j - n if j >= n else j
            a, b = x[side, j], x[side, j + 1 if j + 1 < n else 0]
            out[side, i] = x[side, i] + mix * (a + r * (b - a))
        c, s = turn_c * c - turn_s * s, turn_s * c + turn_c * s
    return out


@kernel
def wow(x: FloatArray, depth_samples: float, turns: int, flutter_turns: int) -> FloatArray:
    """Tape: the loop read at a speed that wavers, whole cycles a loop."""
    n = x.shape[1]
    out = np.empty((2, n), np.float32)
    slow_c, slow_s = math.cos(math.tau * turns / n), math.sin(math.tau * turns / n)
    fast_c, fast_s = math.cos(math.tau * flutter_turns / n), math.sin(math.tau * flutter_turns / n)
    c, s, fc, fs = 1.0, 0.0, 1.0, 0.0
    for i in range(n):
        p = i + depth_samples * (s + 0.12 * fs) + n
        j = int(p)
        r = np.float32(p - j)
        j = j % n
        after = j + 1 if j + 1 < n else 0
        for side in range(2):
            a, b = x[side, j], x[side, after]
            out[side, i] = a + r * (b - a)
        c, s = slow_c * c - slow_s * s, slow_s * c + slow_c * s
        fc, fs = fast_c * fc - fast_s * fs, fast_s * fc + fast_c * fs
    return out


@kernel
def lowpass_sweep(x: FloatArray, cutoffs_hz: FloatArray, resonance: float, sample_rate: float) -> FloatArray:
    """State-variable low-pass whose cutoff follows a curve of any length over the loop (closing itself)."""
    n = x.shape[1]
    count = cutoffs_hz.shape[0]
    out = np.empty((2, n), np.float32)
    k = 2.0 - 1.7 * resonance
    warm = min(n, 8192)
    p1, p2, q1, q2 = 0.0, 0.0, 0.0, 0.0
    g, a1 = 0.0, 1.0
    for i in range(-warm, n):
        at = i if i >= 0 else n + i
        if at % 32 == 0 or i == -warm:
            place = at / n * count
            j = int(place)
            hz = cutoffs_hz[j % count] + (place - j) * (cutoffs_hz[(j + 1) % count] - cutoffs_hz[j % count])
            g = math.tan(math.pi * min(hz, 0.45 * sample_rate) / sample_rate)
            a1 = 1.0 / (1.0 + g * (g + k))
        v, w = a1 * (p1 + g * (x[0, at] - p2)), a1 * (q1 + g * (x[1, at] - q2))
        low_l, low_r = p2 + g * v, q2 + g * w
        p1, p2, q1, q2 = 2.0 * v - p1, 2.0 * low_l - p2, 2.0 * w - q1, 2.0 * low_r - q2
        if i >= 0:
            out[0, i] = low_l
            out[1, i] = low_r
    return out


@kernel
def highpass(x: FloatArray, cutoff_hz: float, sample_rate: float) -> None:
    """Second-order Butterworth high-pass, in place; warmed up on the end of the loop.

    A trapezoidal state-variable filter, each state written as a sum of the two before: half the time of its usual form.
    """
    n = x.shape[1]
    g = math.tan(3.14159265 * cutoff_hz / sample_rate)
    k = 1.41421356
    a1 = 1.0 / (1.0 + g * (g + k))
    keep_1, cross, keep_2 = 2.0 * a1 - 1.0, 2.0 * a1 * g, 1.0 - 2.0 * a1 * g * g
    p1, p2, q1, q2 = 0.0, 0.0, 0.0, 0.0
    for turn in range(2):
        for i in range(n - min(n, 8192) if turn == 0 else 0, n):
            a, b = np.float64(x[0, i]), np.float64(x[1, i])
            if turn == 1:
                x[0, i] = a - p2 - (k + g) * a1 * (p1 + g * (a - p2))
                x[1, i] = b - q2 - (k + g) * a1 * (q1 + g * (b - q2))
            p1, p2 = keep_1 * p1 + cross * (a - p2), keep_2 * p2 + cross * (p1 + g * a)
            q1, q2 = keep_1 * q1 + cross * (b - q2), keep_2 * q2 + cross * (q1 + g * b)


@kernel
def tilt(x: FloatArray, octaves: float, sample_rate: float) -> None:
    """Tilt gently about 900 Hz, in place: positive is brighter, about 4 dB an end for each octave."""
    n = x.shape[1]
    a = np.float32(1.0 - math.exp(-6.283185307 * 900.0 / sample_rate))
    up = np.float32(10.0 ** (4.0 * octaves / 20.0))
    down = np.float32(10.0 ** (-2.0 * octaves / 20.0))
    low_l, low_r = np.float32(0.0), np.float32(0.0)
    for i in range(n - min(n, 4096), n):
        low_l += a * (x[0, i] - low_l)
        low_r += a * (x[1, i] - low_r)
    for i in range(n):
        low_l += a * (x[0, i] - low_l)
        low_r += a * (x[1, i] - low_r)
        x[0, i] = low_l * down + (x[0, i] - low_l) * up
        x[1, i] = low_r * down + (x[1, i] - low_r) * up


@kernel
def saturate(x: FloatArray, drive: float) -> None:
    """Soft saturation in place at about equal loudness; `drive` 0..1."""
    peak = np.float32(1e-6)
    for side in range(2):
        for i in range(x.shape[1]):
            peak = max(peak, abs(x[side, i]))
    pre = np.float32((1.0 + 9.0 * drive * drive) / peak * 0.8)
    post = np.float32(peak / math.tanh(0.8 * (1.0 + 9.0 * drive * drive)))
    for side in range(2):
        for i in range(x.shape[1]):
            y = x[side, i] * pre
            y = min(max(y, np.float32(-3.0)), np.float32(3.0))
            square = y * y
            x[side, i] = y * (np.float32(27.0) + square) / (np.float32(27.0) + np.float32(9.0) * square) * post


@kernel
def crush(x: FloatArray, bits: int, hold: int) -> None:
    """Fewer bits and a held sample rate, in place."""
    peak = 1e-6
    for side in range(2):
        for i in range(x.shape[1]):
            peak = max(peak, abs(x[side, i]))
    steps = 2.0 ** (bits - 1) / peak
    for side in range(2):
        kept = 0.0
        for i in range(x.shape[1]):
            if i % hold == 0:
                kept = math.floor(x[side, i] * steps + 0.5) / steps
            x[side, i] = kept


@kernel
def autopan(x: FloatArray, depth: float, turns: int) -> None:
    """Stereo tremolo in place: each side's level moves against the other's, `turns` cycles a loop."""
    n = x.shape[1]
    turn_c, turn_s = math.cos(math.tau * turns / n), math.sin(math.tau * turns / n)
    c, s = 1.0, 0.0
    for i in range(n):
        x[0, i] *= 1.0 - 0.5 * depth + 0.5 * depth * s
        x[1, i] *= 1.0 - 0.5 * depth - 0.5 * depth * s
        c, s = turn_c * c - turn_s * s, turn_s * c + turn_c * s


@kernel
def apply_gain(x: FloatArray, gain: FloatArray) -> None:
    """Multiply by a curve of any length over the loop, linear between its points and across the wrap."""
    n, count = x.shape[1], gain.shape[0]
    for i in range(n):
        place = i * (count / n)
        j = int(place)
        a, b = gain[j], gain[j + 1 if j + 1 < count else 0]
        g = np.float32(a + (place - j) * (b - a))
        x[0, i] *= g
        x[1, i] *= g


@kernel
def duck(x: FloatArray, starts: FloatArray, depth: float, recover_s: float, sample_rate: float) -> None:
    """Sidechain: gain falls within 4 ms of each start (in samples) and recovers over `recover_s`."""
    n = x.shape[1]
    gain = np.ones(n, np.float32)
    attack = int(0.004 * sample_rate)
    length = int(recover_s * sample_rate)
    for k in range(starts.shape[0]):
        for i in range(-attack, length):
            if i < 0:
                g = 1.0 - depth * (i + attack) / attack
            else:
                place = i / length
                g = 1.0 - depth * (1.0 - place * place * (3.0 - 2.0 * place))
            at = (int(starts[k]) + i) % n
            gain[at] = min(gain[at], np.float32(g))
    for i in range(n):
        x[0, i] *= gain[i]
        x[1, i] *= gain[i]


@kernel
def soft_clip(x: FloatArray, knee: float, ceiling: float) -> None:
    """Below `knee` untouched, above it bent towards `ceiling`, in place: the peak stays under it."""
    room = np.float32(ceiling - knee)
    k = np.float32(knee)
    for side in range(2):
        for i in range(x.shape[1]):
            s = x[side, i]
            if s > k:
                x[side, i] = k + room * np.float32(math.tanh((s - k) / room))
            elif s < -k:
                x[side, i] = -k - room * np.float32(math.tanh((-s - k) / room))


@kernel
def k_weighted_power(x: FloatArray, b: NDArray[np.float64], c: NDArray[np.float64]) -> FloatArray:
    """Mean square of 100 ms pieces after two biquads `[b0, b1, b2, a1, a2]`, both channels summed."""
    n = x.shape[1]
    piece = 4410
    pieces = (n + piece - 1) // piece
    power = np.zeros(pieces, np.float32)
    b0, b1, b2, b3, b4 = b[0], b[1], b[2], b[3], b[4]
    c0, c1, c2, c3, c4 = c[0], c[1], c[2], c[3], c[4]
    p1, p2, q1, q2 = 0.0, 0.0, 0.0, 0.0
    r1, r2, s1, s2 = 0.0, 0.0, 0.0, 0.0
    for k in range(-1, pieces):  # first the end of the loop, to warm up
        first = k * piece if k >= 0 else n - min(n, 4096)
        total = 0.0
        for i in range(first, min(n, first + piece)):
            left, right = x[0, i], x[1, i]
            y, v = b0 * left + p1, b0 * right + r1
            p1, r1 = b1 * left - b3 * y + p2, b1 * right - b3 * v + r2
            p2, r2 = b2 * left - b4 * y, b2 * right - b4 * v
            z, w = c0 * y + q1, c0 * v + s1
            q1, s1 = c1 * y - c3 * z + q2, c1 * v - c3 * w + s2
            q2, s2 = c2 * y - c4 * z, c2 * v - c4 * w
            total += z * z + w * w
        if k >= 0:
            power[k] = total / piece
    return power


@kernel
def add_scaled(out: FloatArray, x: FloatArray, gain: float) -> None:
    """Add `gain` times `x` to `out`, in place."""
    g = np.float32(gain)
    for side in range(2):
        for i in range(x.shape[1]):
            out[side, i] += g * x[side, i]
