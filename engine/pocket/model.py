"""`pocket` against the model protocol: the embedded text-to-loop model that needs no download and no GPU."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..errors import ModelError
from ..models.hardware import choose_place
from ..models.protocol import Model, ModelCard, Sampler, Scene, Schedule
from ..request import LoopRequest
from ..sampling import sample
from ..settings import Settings
from ..spectrum import Spectrum
from ..takes.noise import open_seeds
from .bands import SAMPLE_RATE, log_bands
from .controls import Conditioned, ControlInputs, asked_rows, with_controls, without_controls
from .embeddings import Embeddings
from .first_step import FirstStep, PocketStep
from .flow import Flow
from .latents import LatentMap
from .network import LAYER_INPUTS, PocketNetwork, in_layers
from .repertoire import Repertoire
from .scenes import (
    described,
    heard_of,
    key_seed,
    laid_out,
    on_device,
    read_request,
)
from .sound import resynthesised, spectrum_of, usually_resynthesised, waveform
from .towers import Towers, load_towers
from .waveform.lengths import PIECE_SECONDS
from .waveform.vocoder import VOCODER, Vocoder, load_vocoder

CPU = torch.device("cpu")
WEIGHTS = Path(__file__).parent / "weights"
MIX_FILES = (
    "config.json", "diffusion_pytorch_model.safetensors", "latent_map.safetensors", "repertoire.safetensors", VOCODER,
)  # fmt: skip


CARD = ModelCard(
    name="pocket",
    licence="MIT",
    page="docs/pocket.md",
    parameters_millions=9.0,
    sample_rate=SAMPLE_RATE,
    channels=2,
    circular=True,
    sampler=Sampler.TRAJECTORY,
    surrogate_steps=1,
    decode_steps=4,
    max_seconds=PIECE_SECONDS,
    surrogate_gain=1.13,  # measured where searches for an intensity lead: 1.0 to 1.3 (`benchmarks/search.md`)
)


class Pocket(Conditioned):
    """A circular flow over fine-band latents. Frozen; one thread at a time.

    `inputs` says on which targets of a request the network is conditioned.
    """

    card = CARD

    def __init__(
        self,
        network: PocketNetwork,
        latent_map: LatentMap,
        towers: Towers | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device = CPU,
        *,
        inputs: ControlInputs = ControlInputs.TUNE,
        repertoire: Repertoire | None = None,
        vocoder: Vocoder | None = None,
        begins: FirstStep | None = None,
        weights: str = "",
    ) -> None:
        self.network = network.eval().requires_grad_(False).to(device)
        self.flow = Flow(self.network, dtype)
        self.latent_map, self.towers = latent_map.to(device), towers.to(device) if towers else None
        self.embeddings = Embeddings(self.towers)
        self.dtype, self.device, self.inputs, self.weights = dtype, device, inputs, weights
        self.repertoire, self.vocoder = repertoire, vocoder.to(device) if vocoder else None
        self.begins = begins.to(device) if begins else None  # where a search begins, if that was learnt

    def scene(self, request: LoopRequest) -> Scene:
        """Read the prompt, lay the loop on frames; tempi that the model does not know become half or double time."""
        reading = read_request(request)
        said, key, notes = reading.text.ids, reading.key, []
        if self.repertoire is not None:
            seeds = open_seeds(request)
            whole = self.repertoire.complete(
                said, reading.away, seeds,
                tempo_bpm=reading.tempo_bpm, key=key, draws_key=reading.draws_key, is_open=reading.text.is_open,
            )  # fmt: skip
            if whole.key != key:
                notes.append(f"No key was given: {key_seed(request)} chose {whole.key}.")
            said, key = whole.ids, whole.key
        conditions = described(request, reading, [said], key)
        scene = laid_out(request, reading, conditions, self.latent_map.channels, notes)
        scene = replace(scene, record=heard_of(request, key))
        return on_device(self.asking(request, scene), self.device)

    def asking(self, request: LoopRequest, scene: Scene) -> Scene:
        """Return `scene` with its control inputs, and with those that only a learned first step gives it."""
        scene = with_controls(scene, request, self.inputs)
        if self.begins is None:
            return scene
        return replace(scene, inputs=replace(scene.inputs, asked=asked_rows(request, scene).to(self.device)))

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the straight grid of a rectified flow."""
        return Schedule.straight(steps)

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return x_0 on the line from `latent` [batch, frames, channels]; with `until` the student answers."""
        return self.flow.denoise(latent, time, scene.inputs, until)

    @property
    def learned_step(self) -> PocketStep | None:
        """The learned first step; None without its weights."""
        return None if self.begins is None else PocketStep(self.begins, self)

    def decode(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return audio [batch, 2, samples]; phases are integrated round the loop, so this carries no gradient."""
        bands = self.latent_map.decode(latent.float())
        return waveform(bands, scene.model_samples, self.vocoder, limits=scene.inputs.limits)

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum that the latent itself says, without a waveform."""
        return spectrum_of(self.latent_map.decode(latent), frame_rate_hz(scene))

    def listen_through(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum that the latent's waveform really has; the phase is constant in the gradient."""
        bands = self.latent_map.decode(latent)
        return resynthesised(bands, scene.model_samples, frame_rate_hz(scene), self.vocoder, limits=scene.inputs.limits)

    def expected_through(self, spectrum: Spectrum, scene: Scene) -> Spectrum:
        """Return the spectrum that the waveform is likely to have whose latent says `spectrum`."""
        return usually_resynthesised(spectrum, limits=scene.inputs.limits)

    def encode(self, audio: Tensor, scene: Scene) -> Tensor:
        """Return the latent of audio [batch, 2, samples]."""
        return self.latent_map.encode(log_bands(audio, 2 * scene.frames))

    def hear(self, audio: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of audio [batch, 2, samples] in the bands of `listen`."""
        return spectrum_of(log_bands(audio, 2 * scene.frames), frame_rate_hz(scene))

    def faded(self, latent: Tensor, gain_db: Tensor) -> Tensor:
        """Return the latent of the same loop with its level moved by `gain_db` [batch, frames]."""
        return self.latent_map.encode(self.latent_map.decode(latent) + gain_db[..., None] * (math.log(10) / 10))

    def character(self, latent: Tensor) -> Tensor | None:
        """Return how the tower that may be optimised hears `latent`, unit vectors [batch, size]; None without it."""
        return self.embeddings.character(self.latent_map.decode(latent))

    def text_similarity(self, latent: Tensor, scene: Scene, text: str) -> Tensor:
        """Return how well `latent` fits `text`, -1 to 1, in the tower that may be optimised: [batch]."""
        return self.embeddings.similarity(self.latent_map.decode(latent), scene, text)

    def embedding_distance(
        self, latent: Tensor, noise: Tensor, scene: Scene, uncontrolled: Tensor | None = None
    ) -> float | None:
        """Return the distance (0 to 2) of `latent` to the uncontrolled loop of `noise`, in the judge's embedding.

        `uncontrolled` is the latent of that loop, where the caller has it. Returns None without the towers.
        """

        def beside() -> Tensor:
            of_noise = uncontrolled_latent(self, noise, scene) if uncontrolled is None else uncontrolled
            return self.latent_map.decode(of_noise)

        return self.embeddings.distance(lambda: self.latent_map.decode(latent), beside, noise, without_controls(scene))

    def weights_digest(self, scene: Scene) -> str:
        """Return 12 hexadecimal digits of the files that decide on the sound; empty for weights from elsewhere."""
        return self.weights


def uncontrolled_latent(model: Model, noise: Tensor, scene: Scene) -> Tensor:
    """Return the latent that the delivered chain of `model` makes of `noise` without control inputs."""
    steps = model.schedule(model.card.decode_steps, scene)
    return sample(model, without_controls(scene), noise.to(model.device), steps, model.card.sampler, checkpoint=False)


def load_pocket(settings: Settings, folder: Path = WEIGHTS, *, inputs: ControlInputs = ControlInputs.TUNE) -> Pocket:
    """Return the embedded model from its weights; raise `ModelError` where they are missing."""
    if not (folder / "config.json").exists():
        raise ModelError(f"The weights of pocket are not in {folder}.", remedy="Install Ditto Live again.")
    network = PocketNetwork.load(folder)
    if (of_layers := folder / LAYER_INPUTS).exists():
        network = in_layers(network, {name: tensor.float() for name, tensor in load_file(of_layers).items()})
    latent_map = LatentMap.load(folder / "latent_map.safetensors")
    place = choose_place(settings, small=True)
    file, vocoder = folder / "repertoire.safetensors", folder / VOCODER
    return Pocket(
        network, latent_map, load_towers(folder), place.dtype, place.device,
        inputs=inputs, repertoire=Repertoire.load(file) if file.exists() else None,
        vocoder=load_vocoder(vocoder) if vocoder.exists() else None,
        weights=digest_of(folder, MIX_FILES), begins=FirstStep.load(folder),
    )  # fmt: skip


def digest_of(folder: Path, names: Iterable[str]) -> str:
    """Return 12 hexadecimal digits of the files called `names` in `folder`, of those that are there."""
    digest = hashlib.blake2b(digest_size=6)
    for name in sorted(names):
        if (file := folder / name).exists():
            digest.update(f"{name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def frame_rate_hz(scene: Scene) -> float:
    """Return how many analysis frames a second has."""
    return 2 * scene.frames * SAMPLE_RATE / scene.model_samples
