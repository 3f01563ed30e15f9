"""Pictures instead of sound: a flow over the 8 x 8 digits that scikit-learn ships, behind the engine's model protocol.

What the protocol asks of a model that has no sound: a picture's columns are its frames, its rows its bands, and the
square of a pixel stands for a power. Nothing in a search for a digit hears that.
"""

from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.protocol import ModelCard, Sampler, Scene, Schedule
from engine.request import LoopRequest
from engine.spectrum import Spectrum

HOW = "The digits come with scikit-learn: pip install scikit-learn"
SIDE, CLASSES, WIDTH = 8, 10, 256
BATCH, RATE = 128, 2e-3
QUIET_DB = -60.0  # no picture is too loud


class Pictures(NamedTuple):
    """Digits [n, 8, 8] between -1 and 1, and which digit each is [n]."""

    pixels: Tensor
    digits: Tensor


def halves() -> tuple[Pictures, Pictures]:
    """Return the digits of the model and its classifier, and those of the judge; `SystemExit` without scikit-learn."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise SystemExit(HOW) from error
    found = load_digits()
    pixels = torch.from_numpy(found.images).float() / 8 - 1
    digits = torch.from_numpy(found.target).long()
    return Pictures(pixels[::2], digits[::2]), Pictures(pixels[1::2], digits[1::2])


def trained(network: nn.Module, pictures: Pictures, steps: int, *, classifies: bool) -> nn.Module:
    """Return `network` after `steps` steps on `pictures`: a classifier of pixels, or a flow's velocity."""
    adam, draws = torch.optim.Adam(network.parameters(), RATE), torch.Generator().manual_seed(1)
    for _ in range(steps):
        chosen = torch.randint(len(pictures.digits), (BATCH,), generator=draws)
        clean = pictures.pixels[chosen].flatten(1)
        eps, t = torch.randn(clean.shape, generator=draws), torch.rand(BATCH, 1, generator=draws)
        if classifies:
            loss = functional.cross_entropy(network(clean + 0.2 * eps), pictures.digits[chosen])
        else:
            loss = functional.mse_loss(network(torch.cat([(1 - t) * clean + t * eps, _waves(t)], 1)), eps - clean)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return network.eval().requires_grad_(False)


def flow(pictures: Pictures, steps: int) -> nn.Module:
    """Return a flow over pictures."""
    torch.manual_seed(0)
    return trained(_perceptron(SIDE * SIDE + 6, SIDE * SIDE), pictures, steps, classifies=False)


def classifier(pictures: Pictures, steps: int) -> nn.Module:
    """Return a classifier of digits, from pixels [n, 64] to logits [n, 10]."""
    torch.manual_seed(0)
    return trained(_perceptron(SIDE * SIDE, CLASSES), pictures, steps, classifies=True)


def judged(pictures: Tensor, known: Pictures, neighbours: int = 5) -> tuple[Tensor, Tensor]:
    """Return the digit that most of the nearest known pictures are [n], and the distance to the nearest [n]."""
    apart = torch.cdist(pictures.flatten(1), known.pixels.flatten(1))
    nearest = apart.topk(neighbours, largest=False)
    return known.digits[nearest.indices].mode(1).values, nearest.values[:, 0]


class DigitModel:
    """The model protocol over pictures [batch, 8, 8]; the first axis is rows, the second columns."""

    device = torch.device("cpu")
    card = ModelCard(
        name="digits", licence="BSD", page="benchmarks/papers/baselines/digit_model.py", parameters_millions=0.1,
        sample_rate=SIDE, channels=2, circular=True, sampler=Sampler.DDIM,
        surrogate_steps=4, decode_steps=16, max_seconds=64.0,
    )  # fmt: skip

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    def scene(self, request: LoopRequest) -> Scene:
        """Return the one scene that there is."""
        return Scene(
            frames=SIDE, noise_shape=(SIDE, SIDE), time_axis=1, model_samples=SIDE, loop_samples=SIDE,
            tempo_bpm=Fraction(60), beats=Fraction(SIDE), guidance=1.0, inputs=None, circular=True,
        )  # fmt: skip

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the straight grid of a rectified flow."""
        return Schedule.straight(steps)

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return the flow's estimate of the picture."""
        t = time.to(latent).expand(len(latent), 1)
        velocity = self._network(torch.cat([latent.flatten(1), _waves(t)], 1))
        return latent - time.to(latent) * velocity.view_as(latent)

    def decode(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return the picture's columns as sound, which nobody hears: [batch, 2, 8]."""
        return latent.mean(1, keepdim=True).expand(-1, 2, -1)

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the squares of pixels as powers, never loud."""
        bands = torch.arange(1, SIDE + 1).to(latent)
        peak = torch.full((len(latent), SIDE), QUIET_DB)
        return Spectrum(
            power=latent.square(), frequencies_hz=bands, bins=torch.ones_like(bands), frame_rate_hz=1.0,
            circular=True, peak_db=peak,
        )  # fmt: skip

    def encode(self, audio: Tensor, scene: Scene) -> Tensor:
        """Return pictures whose columns have these levels."""
        return audio[:, :1].expand(-1, SIDE, -1)

    def hear(self, audio: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of `encode`."""
        return self.listen(self.encode(audio, scene), scene)


def _waves(t: Tensor) -> Tensor:
    return torch.cat([wave(t * power) for power in (1.0, 2.0, 4.0) for wave in (torch.sin, torch.cos)], 1)


def _perceptron(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, outputs)
    )
