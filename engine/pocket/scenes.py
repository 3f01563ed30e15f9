"""A request as `pocket` reads it: words, time and key, laid on frames; one row of conditions, or one for each layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from midi.key import Key

from ..controls import asks_level
from ..models.protocol import Scene
from ..request import LoopRequest, Notes
from ..takes.noise import open_seeds
from . import condition as conditioning
from . import musical_time, words
from .layers import Layer, without_chords
from .prompts import parse_prompt, sentences, settings_overruled
from .waveform.lengths import frames_of, made_samples, pieces_of

SLOWEST_BPM, FASTEST_BPM = 60, 180  # what the training loops span
TEACHER_GUIDANCE = 2.0
USUAL_LUFS, ASKED_LUFS = -17.0, {"quiet": -24.0, "loud": -11.0}  # 1 dB below a mix; peaks let half the loops reach it


@dataclass(frozen=True, slots=True)
class Inputs:
    """Conditioning of one request: `conditional` and `unconditional` [rows, channels].

    There is one row, or one for each of `layers`. `phases` is [1 or loops, piece frames, channels], `controls` is
    [rows times pieces, piece frames, CONTROL_CHANNELS] or None. With `limits` the decoder ends in a limiter. A row of
    layers knows which it is, `layer` [rows, LAYERS], and its `context` [rows, frames, CONTEXT_CHANNELS]. What the
    controls of each row ask is `asked` [rows, frames, CONTROL_CHANNELS], which a learned first step shows the network.
    """

    conditional: Tensor
    unconditional: Tensor
    phases: Tensor
    pieces: int
    said: tuple[int, ...]
    avoided: bool
    controls: Tensor | None = None
    limits: bool = False
    layers: tuple[Layer, ...] = ()
    layer: Tensor | None = None
    context: Tensor | None = None
    asked: Tensor | None = None

    def with_controls(self, targets: Tensor) -> "Inputs":
        """Return the inputs with `targets` [rows, frames, CONTROL_CHANNELS] as control inputs, cut into pieces."""
        rows, frames, channels = targets.shape
        controls = targets.reshape(rows * self.pieces, frames // self.pieces, channels)
        return replace(self, controls=controls.to(self.conditional.device))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a request says: its words and those to keep away from, its tempo as the model plays it, its key if any.

    `draws_key` says that nothing in the request brings a key of its own; `notes` are sentences for the producer.
    """

    text: words.Parsed
    avoided: words.Parsed
    tempo_bpm: float
    key: Key | None
    draws_key: bool
    notes: tuple[str, ...]

    @property
    def away(self) -> tuple[int, ...]:
        """The words of which nothing may be drawn: those to keep away from, and those that the prompt refuses."""
        return tuple(sorted({*self.avoided.ids, *self.text.refused}))

    @property
    def declined(self) -> tuple[int, ...]:
        """The words that the request itself does not want or wants less of, without what goes with them."""
        return tuple(sorted({*self.avoided.ids, *self.text.declined}))


def read_request(request: LoopRequest) -> Reading:
    """Return what `request` says; tempi that the model does not know become half or double time."""
    text, avoided = words.parse(request.prompt), words.parse(request.negative_prompt)
    notes = [*settings_overruled(request), *sentences(request.prompt, request.negative_prompt)]
    tempo = _known_tempo(float(request.tempo_bpm))
    if tempo != float(request.tempo_bpm):  # a float is not the fraction that it was made from
        notes.append(f"At {float(request.tempo_bpm):g} BPM pocket plays as at {tempo:g} BPM.")
    asked_key = request.key or text.key
    key = Key.parse(asked_key) if asked_key else None
    tuned = any(isinstance(control.target, Notes) for control in request.controls)
    return Reading(text, avoided, tempo, key, not tuned, tuple(notes))


def described(
    request: LoopRequest, reading: Reading, rows: Sequence[tuple[int, ...]], key: Key | None
) -> tuple[Tensor, Tensor]:
    """Return the conditions of `rows` of words, and what is leant away from: each [rows, channels]."""

    def condition(ids: tuple[int, ...], own_key: Key | None) -> Tensor:
        return conditioning.describe(
            ids,
            tempo_bpm=reading.tempo_bpm,
            beats_per_bar=request.meter.beats_per_bar,
            bars=request.bars,
            key=own_key,
        )

    avoided = reading.avoided.ids
    unconditional = condition(avoided, key if avoided else None)
    return torch.stack([condition(ids, key) for ids in rows]), unconditional[None]


def laid_out(
    request: LoopRequest, reading: Reading, conditions: tuple[Tensor, Tensor], channels: int, notes: Sequence[str] = ()
) -> Scene:
    """Return the scene of a request on the CPU: one sound of as many frames as fit, in pieces if it is long."""
    conditional, unconditional = conditions
    samples, pieces, frames = made_samples(request), pieces_of(request), frames_of(request)
    phases = musical_time.phases(frames // pieces, request.bars // pieces, request.meter.beats_per_bar)[None]
    inputs = Inputs(
        conditional=conditional,
        unconditional=unconditional.expand(len(conditional), -1),
        phases=phases,
        pieces=pieces,
        said=reading.text.ids,
        avoided=bool(reading.avoided.ids),
        limits=asks_level(control.kind for control in request.controls),
    )
    return Scene(
        frames=frames,
        noise_shape=(frames, channels),
        time_axis=0,
        model_samples=samples,
        loop_samples=samples,
        tempo_bpm=request.tempo_bpm,
        beats=request.beats,
        guidance=TEACHER_GUIDANCE,
        inputs=inputs,
        circular=True,
        notes=(*reading.notes, *notes),
        loudness_lufs=_loudness_lufs(reading.text.ids),
    )


def on_device(scene: Scene, device: torch.device) -> Scene:
    """Return the scene with its inputs on `device`."""
    inputs: Inputs = scene.inputs
    named = ("conditional", "unconditional", "phases", "controls", "layer", "context", "asked")
    tensors = {name: tensor.to(device) for name in named if (tensor := getattr(inputs, name)) is not None}
    return replace(scene, inputs=replace(inputs, **tensors))


def in_pieces(inputs: Inputs) -> Inputs:
    """Return the inputs with the conditioning of each of several rows cut into the pieces of a long loop."""
    if inputs.layer is None or inputs.context is None:
        return inputs
    rows, frames, channels = inputs.context.shape
    named = ("conditional", "unconditional", "layer")
    per_piece = {name: getattr(inputs, name).repeat_interleave(inputs.pieces, 0) for name in named}
    context = inputs.context.reshape(rows * inputs.pieces, frames // inputs.pieces, channels)
    return replace(inputs, **per_piece, context=context)


def twice(inputs: Inputs) -> Inputs:
    """Return the inputs of both branches of guidance: layer and what is heard are the same, chords go unsaid.

    Musical phases that each loop of a batch has for itself are in both branches, too.
    """
    if len(inputs.phases) > 1:
        inputs = replace(inputs, phases=inputs.phases.repeat(2, 1, 1))
    if inputs.layer is None or inputs.context is None:
        return inputs
    both = torch.cat([inputs.context, without_chords(inputs.context)])
    return replace(inputs, layer=inputs.layer.repeat(2, 1), context=both)


def _loudness_lufs(said: tuple[int, ...]) -> float:
    asked = [lufs for word, lufs in ASKED_LUFS.items() if words.WORD_IDS[word] in said]
    return asked[0] if asked else USUAL_LUFS


def _known_tempo(tempo_bpm: float) -> float:
    while tempo_bpm > FASTEST_BPM:
        tempo_bpm /= 2
    while tempo_bpm < SLOWEST_BPM:
        tempo_bpm *= 2
    return tempo_bpm


def key_seed(request: LoopRequest) -> str:
    """Return the seed that chooses the key, in words: a loop that begins from a take has that of the take."""
    seed = open_seeds(request).key
    return f"seed {seed}" if request.start is None or seed == request.seed else f"the take's seed {seed}"


def heard_of(request: LoopRequest, key: Key | None) -> dict[str, object]:
    """Return what was heard of the prompt and the key of the loop, for the record of a take."""
    return {"heard": parse_prompt(request.prompt).plain(), "key": None if key is None else str(key)}
