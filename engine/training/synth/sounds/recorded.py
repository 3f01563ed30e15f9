"""Recorded notes and hits as audio kernels, with the arguments of `voices`."""

from __future__ import annotations

from .jit import kernel
from .waveforms import FloatArray


@kernel
def add_sample(
    out: FloatArray,
    sample: FloatArray,
    start: int,
    hold: int,
    ratio: float,
    gain_l: float,
    gain_r: float,
    attack_s: float,
    release_s: float,
    sample_rate: float,
) -> None:
    """Play a recorded note [channels, length] played `ratio` times as fast (cubic interpolation)."""
    n = out.shape[1]
    length = sample.shape[1]
    other = sample.shape[0] - 1
    release = max(1, int(release_s * sample_rate))
    playable = int((length - 4) / ratio)
    held = min(hold, playable)
    total = min(held + release, playable)
    fade = min(2000, playable // 4)
    rise = max(1, int(attack_s * sample_rate))
    at = start % n
    for i in range(total):
        x = 1.0 + i * ratio
        j = int(x)
        r = x - j
        e = min(1.0, i / rise)
        if i > held:
            e *= 1.0 - (i - held) / release
        if playable - i < fade:
            e *= (playable - i) / fade
        for side in range(2):
            c = 0 if side == 0 else other
            a, b, d, f = sample[c, j - 1], sample[c, j], sample[c, j + 1], sample[c, j + 2]
            s = b + 0.5 * r * (d - a + r * (2.0 * a - 5.0 * b + 4.0 * d - f + r * (3.0 * (b - d) + f - a)))
            out[side, at] += s * e * (gain_l if side == 0 else gain_r)
        at = at + 1 if at + 1 < n else 0


@kernel
def add_hit(out: FloatArray, hit: FloatArray, start: int, length: int, gain_l: float, gain_r: float) -> None:
    """Play a one-shot [channels, samples], cut after `length` samples by a 3 ms fade (a choke)."""
    n = out.shape[1]
    count = min(hit.shape[1], length)
    fade = min(132, count)
    other = hit.shape[0] - 1
    at = start % n
    for i in range(count):
        e = 1.0 if count - i > fade or count == hit.shape[1] else (count - i) / fade
        out[0, at] += hit[0, i] * e * gain_l
        out[1, at] += hit[other, i] * e * gain_r
        at = at + 1 if at + 1 < n else 0
