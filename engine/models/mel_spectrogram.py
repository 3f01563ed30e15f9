"""The log-mel spectrogram that the AudioLDM family was trained on, to encode reference audio.

1024-point Hann frames at 16 kHz, magnitudes (not powers), 64 mel bands of Slaney's scale and area norm from 0 to
8 kHz, natural logarithm above 1e-5.
"""

import math

import torch
from torch import Tensor

WINDOW_SECONDS = 0.064
FLOOR = 1e-5
LINEAR_HZ = 1000.0  # Slaney's scale is linear below, logarithmic above
MELS_PER_HZ = 3 / 200
MELS_PER_LOG = 27 / math.log(6.4)  # per neper of frequency


def log_mel(audio: Tensor, sample_rate: int, hop: int, bands: int, *, circular: bool) -> Tensor:
    """Return log-mel frames [batch, samples // hop, bands] of mono audio [batch, samples], `hop` in samples.

    At the ends a loop is continued circularly, anything else is reflected, as in training.
    """
    window = 2 * round(sample_rate * WINDOW_SECONDS / 2)
    frames = audio.shape[-1] // hop
    samples = audio.shape[-1]
    index = torch.arange(frames)[:, None] * hop + torch.arange(window) - window // 2
    index = index % samples if circular else (samples - 1 - (samples - 1 - index.abs()).abs()).clamp(0, samples - 1)
    framed = audio[:, index.to(audio.device)] * torch.hann_window(window, dtype=audio.dtype, device=audio.device)
    magnitude = torch.fft.rfft(framed).abs()
    mel: Tensor = magnitude @ mel_filters(sample_rate, window, bands).to(magnitude)
    return mel.clamp_min(FLOOR).log()


def mel_filters(sample_rate: int, window: int, bands: int) -> Tensor:
    """Return triangular filters [window // 2 + 1, bands] from 0 Hz to half the rate, as librosa's with `norm="slaney"`.

    Each has the height 2 / its width in hertz, and so the area 1. `window` is in samples.
    """
    bins_hz = torch.fft.rfftfreq(window, 1 / sample_rate, dtype=torch.float64)
    top = float(_to_mel(torch.tensor(sample_rate / 2, dtype=torch.float64)))
    edges_hz = _to_hz(torch.linspace(0, top, bands + 2, dtype=torch.float64))
    low, middle, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bins_hz[:, None] - low) / (middle - low)
    falling = (high - bins_hz[:, None]) / (high - middle)
    return torch.minimum(rising, falling).clamp_min(0) * 2 / (high - low)


def _to_mel(hz: Tensor) -> Tensor:
    above = LINEAR_HZ * MELS_PER_HZ + MELS_PER_LOG * (hz.clamp_min(1e-9) / LINEAR_HZ).log()
    return torch.where(hz < LINEAR_HZ, hz * MELS_PER_HZ, above)


def _to_hz(mel: Tensor) -> Tensor:
    knee = LINEAR_HZ * MELS_PER_HZ
    return torch.where(mel < knee, mel / MELS_PER_HZ, LINEAR_HZ * ((mel - knee) / MELS_PER_LOG).exp())
