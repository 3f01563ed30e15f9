"""A network that mends the decoder's wave: three masks on it, each the identity before any training.

The wave that `sound.waveform` makes of log bands (integrated phases, one step of Griffin and Lim) is right to two
decibels; what it lacks is in times and frequencies that a 46 ms window cannot tell apart. So a frame-rate network as
that of Vocos (Siuzdak 2023, arXiv:2306.00814: ConvNeXt blocks, a Fourier head) hears the bands and the wave and answers
with three corrections of magnitude, one after another: 246 and 49 bands in the frames the bands are of, what lies
between the partials in windows of 372 ms, and the level of three broad bands each 0.7 ms, because the rise of a hit is
a matter of time alone and random phases hide it from any window. Phases stay the decoder's. All is circular; turning
bands and wave by a multiple of `LINE_FRAMES` frames turns what comes out.
"""

import math
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from ...models.stored import Unset
from ..bands import BINS, FLOOR, SAMPLE_RATE, WINDOW_SAMPLES, Bands, frames_of, mid_bands, resampled, side_bands

VOCODER = "vocoder.safetensors"  # beside the weights of the network
LINE_RATE = 4  # of so many samples one is enough for the lines' bins, and takes a quarter of the time
LINE_WINDOW, LINE_FRAMES, LINE_BINS = 16_384 // LINE_RATE, 4, 1920  # its bins are 2.7 Hz apart, as far as 5.2 kHz
LEVELS_A_FRAME, LEVEL_BANDS = 16, 3  # each 0.7 ms; below 0.6 kHz, to 2.5 kHz, above
EVENED_LEVELS = 33
SMOOTHERS = (33, 9)  # samples of two running means that part the bands
REGIONS, INNER = 32, 8  # of frequency that condition the lines' network, and its channels
LINES_AT_ONCE = 16  # on a processor: so many with their channels stay in its cache, which saves a quarter of the time
LOCAL_BINS = 45  # 120 Hz: what a line is compared with
LEAST = 1e-5
MOST = 4.0  # nepers (35 dB) that a mask can give or take
GIVEN_TO_LINES = 0.5  # of what the network would add to lines: too much of it is heard as roughness, too little hardly
NEAR_FLOOR = 1.0  # nepers of power: so near to the least that bands can say is silence
SILENT_FRAMES = 3  # before, and a frame hears nothing of what comes: half a window is two
FROM_SILENCE = 2.2  # nepers of power that bands rise from one frame to the next


class Block(nn.Module):
    """ConvNeXt (Liu et al. 2022, arXiv:2201.03545) along circular time."""

    def __init__(self, width: int, wider: int, dilation: int) -> None:
        super().__init__()
        self.around = nn.Conv1d(
            width, width, 7, padding=3 * dilation, dilation=dilation, groups=width, padding_mode="circular"
        )
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, wider), nn.Linear(wider, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, state: Tensor) -> Tensor:
        """Return the next state of `state` [batch, frames, width]."""
        seen = self.around(state.transpose(1, 2)).transpose(1, 2)
        return state + self.scale * self.down(F.gelu(self.up(self.norm(seen))))


class LineMask(nn.Module):
    """Log gains of narrow bins by how they stand out of their neighbours, as far as the frames' network lets it."""

    fade: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gates = nn.Linear(2 * width, REGIONS * INNER)
        self.first = nn.Conv2d(1, INNER, (3, 11), padding=(0, 5))
        self.along = nn.Conv2d(INNER, INNER, (1, 11), padding=(0, 5), groups=INNER)
        self.across = nn.Conv2d(INNER, INNER, 1)
        self.last = nn.Conv2d(INNER, 1, (1, 5), padding=(0, 2))
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)
        fade = ((LINE_BINS - torch.arange(LINE_BINS)) / 200).clamp(0, 1)
        fade[0] = 0
        self.register_buffer("fade", fade, persistent=False)

    def forward(self, size: Tensor, state: Tensor) -> Tensor:
        """Return log gains [batch, lines, bins] of magnitudes `size`, alike, with `state` [batch, frames, width]."""
        level = F.avg_pool1d(size, LOCAL_BINS, 1, LOCAL_BINS // 2)
        over = torch.log((size + LEAST) / (level + LEAST))[:, None]
        state = state.transpose(1, 2)
        around = F.pad(state, (8, 8), mode="circular")
        pooled = [F.avg_pool1d(around, 16, LINE_FRAMES), F.max_pool1d(around, 16, LINE_FRAMES)]
        summary = torch.cat(pooled, 1)[..., : size.shape[1]].transpose(1, 2)
        gates = self.gates(summary).unflatten(-1, (INNER, REGIONS)).transpose(1, 2)  # [batch, inner, lines, regions]
        over = F.pad(over, (0, 0, 1, 1), mode="circular")  # a line is compared with the one before and after it
        at_once = LINES_AT_ONCE if size.device.type == "cpu" else size.shape[1]
        gains = [
            self._gain(over[:, :, first : first + at_once + 2], gates[:, :, first : first + at_once])
            for first in range(0, size.shape[1], at_once)
        ]
        gain = torch.cat(gains, 1) * self.fade
        return torch.where(gain > 0, GIVEN_TO_LINES * gain, gain)

    def _gain(self, over: Tensor, gates: Tensor) -> Tensor:
        """Return log gains [batch, lines, bins] of `over` [batch, 1, lines + 2, bins]."""
        gates = F.interpolate(gates.float(), (gates.shape[2], over.shape[3]), mode="bilinear")
        inner = F.gelu(self.first(over) * (1 + gates))
        inner = F.gelu(self.across(self.along(inner)) * (1 + gates))
        return bounded(self.last(inner)[:, 0].float())


class Vocoder(nn.Module):
    """The frames' network and its three masks."""

    to_bins_mid: Tensor
    to_bins_side: Tensor

    def __init__(self, width: int = 240, dilations: tuple[int, ...] = (1, 1, 2, 2)) -> None:
        super().__init__()
        bands = len(mid_bands()) + len(side_bands())
        self.enter = nn.Linear(2 * bands + LEVELS_A_FRAME * LEVEL_BANDS, width)
        self.blocks = nn.ModuleList(Block(width, 3 * width, dilation) for dilation in dilations)
        self.norm = nn.LayerNorm(width)
        self.bands = nn.Linear(width, bands)
        self.levels = nn.Linear(width, 2 * LEVELS_A_FRAME * LEVEL_BANDS)
        self.lines = LineMask(width)
        for head in (self.bands, self.levels):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        self.register_buffer("to_bins_mid", _between_centres(mid_bands()), persistent=False)
        self.register_buffer("to_bins_side", _between_centres(side_bands()), persistent=False)

    def forward(self, log_power: Tensor, wave: Tensor) -> Tensor:
        """Return the mended mid and side [batch, 2, samples] of `wave`, alike, of `log_power` [batch, frames, 295].

        All spectra are float32; only the network may be cast.
        """
        samples, frames, device = wave.shape[-1], log_power.shape[1], wave.device
        whole = frames_of(samples, frames, WINDOW_SAMPLES, device)
        low_samples = samples // LINE_RATE
        lines = frames_of(low_samples, frames // LINE_FRAMES, LINE_WINDOW, device)
        knots = _knots(samples, frames * LEVELS_A_FRAME, device)
        with torch.autocast(device.type, enabled=False):
            seen = whole.spectrum(wave)
            levels = self._levels(wave, knots)  # [batch, bands, count]
            heard = torch.cat([self._heard(seen), _by_frame(levels)], -1)
        state = self.state(log_power, heard)
        gains = sparing_hits(bounded(self.bands(state).float()), log_power)
        steps, evened = (_by_knot(part.float()) for part in self.levels(state).chunk(2, -1))
        with torch.autocast(device.type, enabled=False):
            mid, side = gains.split([len(mid_bands()), len(side_bands())], -1)
            gain = torch.stack([mid @ self.to_bins_mid, side @ self.to_bins_side], 1)
            wave = wave + _mean_free(whole.wave(torch.expm1(gain) * seen))
            narrow = lines.spectrum(resampled(wave, low_samples))[..., :LINE_BINS]
            size = narrow[:, 0].abs() * (4 / LINE_WINDOW)
        gain = self.lines(size, state)
        with torch.autocast(device.type, enabled=False):
            change = F.pad(torch.expm1(gain)[:, None] * narrow, (0, LINE_WINDOW // 2 + 1 - LINE_BINS))
            wave = wave + _mean_free(resampled(lines.wave(change), samples))
            # How far a level is from those about it is an accident of phases; the network says how much of it to even.
            less = torch.expm1(bounded(steps - evened * _standing_out(levels)))
            change = (_between(less, samples)[:, :, None] * parted(wave)).sum(1)  # [batch, bands, channels, samples]
            return wave + _mean_free(change)

    def state(self, log_power: Tensor, heard: Tensor) -> Tensor:
        """Return the state [batch, frames, width] after all blocks."""
        state = self.enter(torch.cat([log_power, heard], -1) / 3)
        for block in self.blocks:
            state = block(state)
        return self.norm(state)

    def _heard(self, seen: Tensor) -> Tensor:
        """Return the log bands [batch, frames, 295] that the wave of spectrum `seen` really has."""
        power = seen.abs().square()
        mid = power[:, 0] @ mid_bands().weights.T.to(power.device)
        side = power[:, 1] @ side_bands().weights.T.to(power.device)
        return torch.log(torch.cat([mid, side], -1) + FLOOR)

    def _levels(self, wave: Tensor, knots: Tensor) -> Tensor:
        """Return log levels of the mid's broad bands at the knots: [batch, bands, count]."""
        reach = SMOOTHERS[0] // 2
        power = F.pad(parted(wave[:, :1])[:, :, 0].square(), (reach, reach), mode="circular")
        power = _running_mean(power, SMOOTHERS[0]).clamp_min(0)
        return torch.log(power.index_select(-1, knots) * (WINDOW_SAMPLES**2 / 16) + FLOOR)


def _by_frame(levels: Tensor) -> Tensor:
    """Return [batch, frames, bands * levels] of [batch, bands, count]."""
    return levels.unflatten(-1, (-1, LEVELS_A_FRAME)).transpose(1, 2).flatten(2)


def _by_knot(levels: Tensor) -> Tensor:
    """Return [batch, bands, count] of [batch, frames, bands * levels]."""
    return levels.unflatten(-1, (LEVEL_BANDS, LEVELS_A_FRAME)).transpose(1, 2).flatten(2)


def _standing_out(levels: Tensor) -> Tensor:
    """Return how far log powers [batch, bands, count] are over the mean of 24 ms about them, in nepers."""
    reach = EVENED_LEVELS // 2
    usual = F.avg_pool1d(F.pad(levels, (reach, reach), mode="circular"), EVENED_LEVELS, 1)
    return 0.5 * (levels - usual)


@lru_cache(maxsize=4)
def _knots(samples: int, count: int, device: torch.device) -> Tensor:
    """Return the samples [count] that are nearest to so many places evenly round a loop."""
    return (torch.round(torch.arange(count, dtype=torch.float64) * samples / count).long() % samples).to(device)


def _between(values: Tensor, samples: int) -> Tensor:
    """Return lines [batch, bands, samples] drawn between `values` [batch, bands, count] evenly round a loop."""
    closed = torch.cat([values, values[..., :1]], -1)
    return F.interpolate(closed, samples + 1, mode="linear", align_corners=True)[..., :-1]


def smoothed(wave: Tensor, samples: int) -> Tensor:
    """Return `wave` [..., n] after two running means of so many `samples`, round the loop."""
    flat = F.pad(wave.reshape(-1, wave.shape[-1]), (samples - 1, samples - 1), mode="circular")
    return _running_mean(_running_mean(flat, samples), samples).view_as(wave)


def _running_mean(wave: Tensor, samples: int) -> Tensor:
    """Return the means [..., n - samples + 1] of so many `samples` of `wave` [..., n].

    By sums, in a quarter of the time that pooling takes.
    """
    sums = F.pad(wave.cumsum(-1, dtype=torch.float64), (1, 0))
    return ((sums[..., samples:] - sums[..., :-samples]) / samples).to(wave.dtype)


def parted(wave: Tensor) -> Tensor:
    """Return the broad bands [batch, bands, channels, n] of `wave` [batch, channels, n], low to high: its parts."""
    low, lower = (smoothed(wave, samples) for samples in SMOOTHERS)
    return torch.stack([low, lower - low, wave - lower], 1)


def sparing_hits(gain: Tensor, log_power: Tensor) -> Tensor:
    """Return log gains [batch, frames, bands] that take nothing from frames that rise out of silence.

    A window of 46 ms is longer than the rise of a hit: what it took before it would be missing at its top.
    """
    mids = log_power[..., : len(mid_bands())]
    before = mids.roll(1, 1)
    silent = mids.roll(SILENT_FRAMES, 1).mean(-1, keepdim=True) < math.log(FLOOR) + NEAR_FLOOR
    rises = silent & ((mids - before).clamp_min(0).mean(-1, keepdim=True) > FROM_SILENCE)
    return torch.where(rises, gain.clamp_min(0), gain)


def bounded(gain: Tensor) -> Tensor:
    """Return log gains within `MOST` of 0."""
    return MOST * torch.tanh(gain / MOST)


def _mean_free(change: Tensor) -> Tensor:
    return change - change.mean(-1, keepdim=True)


def _between_centres(bands: Bands) -> Tensor:
    """Return weights [bands, bins] that draw lines between the bands' centres."""
    frequency = torch.arange(BINS) * (SAMPLE_RATE / WINDOW_SAMPLES)
    return _lines_between(bands.frequencies_hz, frequency)


def _lines_between(knots: Tensor, places: Tensor) -> Tensor:
    after = torch.searchsorted(knots, places, right=True).clamp(1, len(knots) - 1)
    low, high = knots[after - 1], knots[after]
    share = ((places - low) / (high - low)).clamp(0, 1)
    weights = torch.zeros(len(knots), len(places))
    columns = torch.arange(len(places))
    weights[after, columns] = share
    weights[after - 1, columns] = 1 - share
    return weights


def load_vocoder(file: Path) -> Vocoder:
    """Return the network in `file`, in float32."""
    with Unset():
        network = Vocoder()
    network.load_state_dict({name: tensor.float() for name, tensor in load_file(file).items()})
    return network.eval().requires_grad_(False)
