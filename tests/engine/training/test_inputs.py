"""What training reads from loops alone."""

import numpy as np
import torch

from engine.pocket.bands import FRAMES_PER_LATENT, SAMPLE_RATE, latent_frames, log_bands
from engine.pocket.controls import INTENSITY_CENTRE_DB, INTENSITY_SPREAD_DB
from engine.training.inputs import control_inputs, fitted

SAMPLES = 2 * SAMPLE_RATE


def test_a_loop_says_its_own_level_tune_and_hits() -> None:
    """A sine at -20 dBFS is as loud as it is; the second half's note and the hit on beat 1 are where they are."""
    time = np.arange(SAMPLES) / SAMPLE_RATE
    audio = torch.from_numpy(np.stack([0.1 * 2**0.5 * np.sin(2 * np.pi * 440 * time)] * 2).astype(np.float32))
    bands = log_bands(audio, FRAMES_PER_LATENT * latent_frames(SAMPLES))
    labels = {"samples": SAMPLES, "beats": 4.0, "tune": [[2.0, 2.0, 69]], "hits": [[1.0, 0.8]]}
    rows = control_inputs(bands, labels)
    level = rows[:, 0] * INTENSITY_SPREAD_DB + INTENSITY_CENTRE_DB
    assert abs(np.median(level) + 20) < 1
    half = len(rows) // 2
    assert rows[half:, 2 + 69 % 12].all()
    assert not rows[:half, 2:14].any()
    assert rows[round(len(rows) / 4), 15] == np.float32(0.8)
    silent = control_inputs(bands, labels | {"tune": [], "hits": []})
    assert not silent[:, [14, 16]].any()


def test_latents_of_the_fitted_map_have_a_mean_square_of_one_and_come_back() -> None:
    """With as many channels as bands nothing is lost."""
    torch.manual_seed(0)
    bands = torch.randn(4000, 295) @ torch.randn(295, 295) * 0.1
    found = fitted(bands, channels=590)
    latents = found.encode(bands)
    assert abs(float(latents.square().mean()) - 1) < 0.05
    torch.testing.assert_close(found.decode(latents), bands, rtol=0, atol=1e-2)
