"""`pocket` against the model protocol: the embedded text-to-loop model that needs no download and no GPU."""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..controls import Features
from ..errors import ModelError
from ..models.hardware import choose_place
from ..models.protocol import Model, ModelCard, Sampler, Scene, Schedule
from ..request import LoopRequest
from ..sampling import sample
from ..settings import Settings
from ..spectrum import Spectrum
from ..takes.noise import open_seeds
from . import condition as conditioning
from . import words
from .bands import SAMPLE_RATE, log_bands
from .controls import asked_inputs
from .first_step import FirstStep, change
from .latents import LatentMap
from .network import CONTROL_CHANNELS, LAYER_INPUTS, PocketNetwork, in_layers
from .repertoire import Repertoire
from .scenes import (
    PIECE_SECONDS,
    TEACHER_GUIDANCE,
    Inputs,
    described,
    heard_of,
    in_pieces,
    laid_out,
    on_device,
    read_request,
    twice,
)
from .sound import resynthesised, spectrum_of, waveform
from .towers import Towers, load_towers
from .waveform.vocoder import VOCODER, Vocoder, load_vocoder

CPU = torch.device("cpu")
WEIGHTS = Path(__file__).parent / "weights"
MIX_FILES = (
    "config.json", "diffusion_pytorch_model.safetensors", "latent_map.safetensors", "repertoire.safetensors", VOCODER,
)  # fmt: skip
ANSWERS = 32  # kept, of two chains as they are delivered in four layers


class Pocket:
    """A circular flow over fine-band latents. Frozen; one thread at a time.

    With `sees_controls` the network is shown what the request asks of intensity, melody and rhythm: the trained
    baseline in the manner of Music ControlNet, and a nearer start for the optimiser.
    """

    card = ModelCard(
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
    )

    def __init__(
        self,
        network: PocketNetwork,
        latent_map: LatentMap,
        towers: Towers | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device = CPU,
        *,
        sees_controls: bool = False,
        repertoire: Repertoire | None = None,
        vocoder: Vocoder | None = None,
        begins: FirstStep | None = None,
        weights: str = "",
    ) -> None:
        self.network = network.eval().requires_grad_(False).to(device)
        self.latent_map, self.towers = latent_map.to(device), towers.to(device) if towers else None
        self.dtype, self.device, self.sees_controls, self.weights = dtype, device, sees_controls, weights
        self.repertoire, self.vocoder = repertoire, vocoder.to(device) if vocoder else None
        self.begins = begins.to(device) if begins else None  # where a search begins, if that was learnt
        # How the judge hears the last free loop: that of a take which is redrawn again and again is always the same.
        self._free: dict[bytes, Tensor] = {}
        # The last answers without a gradient: a take that is redrawn was heard when it was made.
        self._answers: dict[tuple[bytes, float, float | None], Tensor] = {}

    def scene(self, request: LoopRequest) -> Scene:
        """Read the prompt, lay the loop on frames; tempi that the model does not know become half or double time."""
        reading = read_request(request)
        said, key, notes = reading.text.ids, reading.key, []
        if self.repertoire is not None:
            seeds = open_seeds(request)
            whole = self.repertoire.complete(
                said,
                reading.away,
                seeds,
                tempo_bpm=reading.tempo_bpm,
                key=key,
                draws_key=reading.draws_key,
                is_open=reading.text.is_open,
            )
            if whole.key != key:
                notes.append(f"No key was given: seed {seeds.key} chose {whole.key}.")
            said, key = whole.ids, whole.key
        conditions = described(request, reading, [said], key)
        scene = laid_out(request, reading, conditions, self.latent_map.channels, notes)
        scene = replace(scene, record=heard_of(request, key))
        if self.sees_controls:
            inputs: Inputs = scene.inputs
            shown = torch.from_numpy(asked_inputs(request, scene.frames)).view(inputs.pieces, -1, CONTROL_CHANNELS)
            scene = replace(scene, inputs=replace(inputs, controls=shown))
        return on_device(scene, self.device)

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the straight grid of a rectified flow."""
        times = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
        return Schedule(times=times, alphas=1 - times, sigmas=times)

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return x_0 on the line from `latent` [batch, frames, channels]; with `until` the student answers."""
        inputs: Inputs = scene.inputs
        if latent.is_meta or (torch.is_grad_enabled() and latent.requires_grad):
            return self._denoised(latent, time, inputs, until)
        key = _fingerprint(latent, inputs), float(time), None if until is None else float(until)
        if key not in self._answers:
            self._answers[key] = self._denoised(latent, time, inputs, until)
            while len(self._answers) > ANSWERS:
                del self._answers[next(iter(self._answers))]
        return self._answers[key]

    def _denoised(self, latent: Tensor, time: Tensor, inputs: Inputs, until: Tensor | None) -> Tensor:
        if inputs.pieces == 1:
            return self._estimate(latent, time, inputs, until)
        # Longer than one piece: overlapping pieces round the circle, so that every join lies inside another piece.
        piece = latent.shape[1] // inputs.pieces
        shift = piece // 2
        straight = self._in_pieces(latent, time, inputs, until)
        shown = None if inputs.controls is None else _turned(inputs.controls, -shift)
        context = None if inputs.context is None else inputs.context.roll(-shift, 1)
        turned = replace(inputs, phases=inputs.phases.roll(-shift, 1), controls=shown, context=context)
        shifted = self._in_pieces(latent.roll(-shift, 1), time, turned, until).roll(shift, 1)
        inside = torch.sin(
            math.pi * (torch.arange(latent.shape[1], device=latent.device) % piece + 0.5) / piece
        ).square()
        return inside[:, None] * straight + (1 - inside[:, None]) * shifted

    def _in_pieces(self, latent: Tensor, time: Tensor, inputs: Inputs, until: Tensor | None) -> Tensor:
        batch, frames, channels = latent.shape
        pieces = latent.reshape(batch * inputs.pieces, frames // inputs.pieces, channels)
        return self._estimate(pieces, time, in_pieces(inputs), until).reshape(batch, frames, channels)

    def _estimate(self, latent: Tensor, time: Tensor, inputs: Inputs, until: Tensor | None) -> Tensor:
        end = time if until is None else until
        if until is None or inputs.avoided:
            # The student has guidance folded in, and only needs to be asked twice to lean away from something.
            scale = TEACHER_GUIDANCE if until is None else 2.0
            both = torch.cat([part.expand(len(latent), -1) for part in (inputs.conditional, inputs.unconditional)])
            velocities = self._velocity(torch.cat([latent, latent]), time, end, both, twice(inputs))
            conditional, unconditional = velocities.chunk(2)
            velocity = unconditional + scale * (conditional - unconditional)
        else:
            velocity = self._velocity(latent, time, end, inputs.conditional.expand(len(latent), -1), inputs)
        return latent - time.to(latent.dtype) * velocity

    def _velocity(self, latent: Tensor, time: Tensor, until: Tensor, condition: Tensor, inputs: Inputs) -> Tensor:
        size = len(latent)
        shown = None if inputs.controls is None else inputs.controls.repeat(size // inputs.pieces, 1, 1)
        times = time.to(latent).expand(size), until.to(latent).expand(size)
        whole = self.dtype == torch.float32
        with nullcontext() if whole else torch.autocast(latent.device.type, self.dtype):
            answer = self.network(latent, *times, condition, inputs.phases, shown, inputs.layer, inputs.context)
        return answer.to(latent.dtype)

    @property
    def has_first_step(self) -> bool:
        """Whether the weights came with a learned first step."""
        return self.begins is not None

    def first_step(self, noise: Tensor, latent: Tensor, features: Sequence[Features], scene: Scene) -> Tensor:
        """Return the change of `noise` that was learnt for what `features` show."""
        assert self.begins is not None
        return change(self.begins, noise, latent, features, scene, scene.inputs.layer if scene.layers else None)

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
        return None if self.towers is None else self.towers.guide.hear(self.latent_map.decode(latent))

    def text_similarity(self, latent: Tensor, scene: Scene, text: str) -> Tensor:
        """Return how well `latent` fits `text`, -1 to 1, in the tower that may be optimised: [batch]."""
        return self.similarity(self.latent_map.decode(latent), scene, text)

    def similarity(self, log_power: Tensor, scene: Scene, text: str) -> Tensor:
        """Return how well log band power [batch, frames, bands] fits `text`: [batch]."""
        if self.towers is None:
            raise ModelError("The text control needs pocket's towers, which are not beside its weights.")
        ids = words.parse(text).ids if text else scene.inputs.said
        asked = self.towers.guide.read(_multi_hot(ids).to(log_power.device))[0]
        return self.towers.guide.hear(log_power) @ asked

    def embedding_distance(
        self, latent: Tensor, noise: Tensor, scene: Scene, uncontrolled: Tensor | None = None
    ) -> float | None:
        """Return the distance (0 to 2) of `latent` to the uncontrolled loop of `noise`, in the judge's embedding.

        `uncontrolled` is the latent of that loop, where the caller has it. Returns None without the towers.
        """
        return self.distance_of(self.latent_map.decode, self, latent, noise, scene, uncontrolled)

    def distance_of(
        self,
        bands: Callable[[Tensor], Tensor],
        player: Model,
        latent: Tensor,
        noise: Tensor,
        scene: Scene,
        uncontrolled: Tensor | None,
    ) -> float | None:
        """Return the distance for latents that `player` samples, and whose log band power `bands` gives."""
        if self.towers is None:
            return None
        judge = self.towers.judge
        key = _fingerprint(noise, scene.inputs)
        with torch.no_grad():
            if key not in self._free:
                if uncontrolled is None:
                    steps, start = self.schedule(self.card.decode_steps, scene), noise.to(latent.device)
                    uncontrolled = sample(player, scene, start, steps, self.card.sampler, checkpoint=False)
                self._free = {key: judge.hear(bands(uncontrolled))}
            return float((judge.hear(bands(latent)) - self._free[key]).norm())

    def weights_digest(self, scene: Scene) -> str:
        """Return 12 hexadecimal digits of the files that decide on the sound; empty for weights from elsewhere."""
        return self.weights


def _fingerprint(noise: Tensor, inputs: Inputs) -> bytes:
    """Return what tells one free loop from another: its noise, and all that the network is told."""
    digest = hashlib.blake2b()
    for part in (noise, *(getattr(inputs, field.name) for field in fields(inputs))):
        digest.update(part.detach().cpu().numpy().tobytes() if isinstance(part, Tensor) else repr(part).encode())
    return digest.digest()


def _turned(pieces: Tensor, frames: int) -> Tensor:
    return pieces.flatten(0, 1).roll(frames, 0).view_as(pieces)


def _multi_hot(ids: Iterable[int]) -> Tensor:
    row = torch.zeros(1, conditioning.WORD_SLOTS)
    row[0, list(ids)] = 1
    return row


def load_pocket(settings: Settings, folder: Path = WEIGHTS, *, sees_controls: bool = False) -> Pocket:
    """Return the embedded model from its weights; raise `ModelError` where they are missing."""
    if not (folder / "config.json").exists():
        raise ModelError(f"The weights of pocket are not in {folder}.", remedy="Install Ditto Live again.")
    network = PocketNetwork.load(folder)
    if (inputs := folder / LAYER_INPUTS).exists():
        network = in_layers(network, {name: tensor.float() for name, tensor in load_file(inputs).items()})
    latent_map = LatentMap.load(folder / "latent_map.safetensors")
    place = choose_place(settings, small=True)
    file, vocoder = folder / "repertoire.safetensors", folder / VOCODER
    return Pocket(
        network, latent_map, load_towers(folder), place.dtype, place.device,
        sees_controls=sees_controls, repertoire=Repertoire.load(file) if file.exists() else None,
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
