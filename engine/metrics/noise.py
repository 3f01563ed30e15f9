"""Whether an optimised noise still looks like noise: moments, and how flat its spectrum in time is."""

import numpy as np
from numpy.typing import NDArray


def statistics(noise: NDArray[np.floating], time_axis: int = 0) -> dict[str, float]:
    """Return mean, std, kurtosis (0 for a Gaussian) and flatness of one take's noise [*noise_shape].

    Flatness: geometric over arithmetic mean of the power over temporal frequencies, averaged over channels.
    """
    values = np.moveaxis(np.asarray(noise, dtype=np.float64), time_axis, 0).reshape(noise.shape[time_axis], -1)
    centred = values - values.mean()
    power = (np.abs(np.fft.rfft(values, axis=0)) ** 2).mean(1)[1:]
    variance = float(np.mean(centred**2))
    return {
        "mean": float(values.mean()),
        "std": variance**0.5,
        "kurtosis": float(np.mean(centred**4) / max(variance, 1e-12) ** 2 - 3),
        "flatness": float(np.exp(np.log(np.maximum(power, 1e-12)).mean()) / max(power.mean(), 1e-12)),
    }
