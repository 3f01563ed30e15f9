"""The length of the piece that a model makes for a loop, and its conditioning in words, seconds and reference audio.

A loop is rarely a whole number of latent frames. The nearest number is taken where resampling to the exact length
shifts the pitch by less than `MAX_DRIFT`; else the piece begins before the loop and runs on past its end.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from midi.key import Key

from ..controls import Reference, find
from ..controls.reference import at_rate
from ..errors import BadRequestError
from ..request import Audio, LoopRequest

MAX_DRIFT = Fraction(2, 1000)  # 3.5 cents, inaudible without a comparison
LOOP_WORDS = "seamless loop, no intro, no outro"  # an option: nobody has measured yet that they help
SPARE_SECONDS = Fraction(1, 4)  # made around a loop that frames do not fit, half before it: the ends are matched there


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of `frames` latent frames; after `lead_samples`, `loop_samples` of its `model_samples` are the loop.

    Samples are at the model's rate; `seconds` is the length of the piece, `circular` whether it is the loop exactly.
    """

    frames: int
    model_samples: int
    loop_samples: int
    circular: bool
    seconds: float
    lead_samples: int = 0


def span_of(request: LoopRequest, sample_rate: int, hop_samples: int, grain_samples: int | None = None) -> Span:
    """Return the piece to make for `request` by a model with `hop_samples` samples a latent frame at `sample_rate` Hz.

    A model that can resample a spectrogram in time without shifting the pitch makes multiples of `grain_samples`,
    which is less than a hop.
    """
    exact = request.beats * 60 / request.tempo_bpm * sample_rate
    grain = grain_samples or hop_samples
    samples = max(1, round(exact / grain)) * grain
    circular = request.loop and abs(samples / exact - 1) <= MAX_DRIFT
    frames = max(1, round(Fraction(samples, hop_samples)))
    if not circular:
        spare = SPARE_SECONDS * sample_rate if request.loop else 0
        frames = math.ceil((exact + spare) / hop_samples)
        samples = frames * hop_samples
    loop_samples = samples if circular else round(exact)
    return Span(
        frames=frames,
        model_samples=samples,
        loop_samples=loop_samples,
        circular=circular,
        seconds=samples / sample_rate,
        lead_samples=(samples - loop_samples) // 2 if request.loop else 0,
    )


def named_seconds(request: LoopRequest, span: Span, times: float, longest_seconds: float) -> float:
    """Return the length in seconds to condition a model on: of a loop `times` its own, up to `longest_seconds`.

    A model that is conditioned on the length of its piece composes an ending for the last seconds, and a loop has
    none. A piece that is no loop may end, and its own length is returned.
    """
    if not request.loop:
        return span.seconds
    return max(span.seconds, min(times * span.seconds, longest_seconds))


def refuse_longer(request: LoopRequest, seconds: float, name: str) -> None:
    """Raise `BadRequestError` if the loop is longer than `seconds`, the most that the model makes at once."""
    if request.seconds > seconds:
        lasts, most = (f"{length:.1f} s" for length in (request.seconds, seconds))
        longer = (
            f"The loop is {math.ceil(1000 * (request.seconds - seconds))} ms longer than the {most} that {name} makes."
        )
        raise BadRequestError(
            f"The loop lasts {lasts}; {name} makes at most {most} at once." if lasts != most else longer,
            remedy="Ask for fewer bars, or choose another model.",
        )


def known_tempo(tempo_bpm: Fraction, low: int, high: int) -> tuple[int, tuple[str, ...]]:
    """Return the tempo, doubled or halved into `low` to `high` BPM, and a sentence for the producer if changed."""
    asked = tempo_bpm
    while asked < low:
        asked *= 2
    while asked > high:
        asked /= 2
    if asked == tempo_bpm:
        return round(asked), ()
    return round(asked), (f"The model is told {round(asked)} BPM, which fits {float(tempo_bpm):g} BPM.",)


def caption(request: LoopRequest, *, loop_words: bool = False) -> str:
    """Return the prompt with tempo and key in words, for models without other inputs for them; see `prompted`."""
    tempo_bpm, _ = known_tempo(request.tempo_bpm, 60, 200)
    words = [prompt] if (prompt := prompted(request, loop_words=loop_words)) else []
    if "bpm" not in request.prompt.lower():
        words.append(f"{tempo_bpm} BPM")
    if request.key is not None:
        words.append(str(Key.parse(request.key)))
    return ", ".join(words)


def prompted(request: LoopRequest, *, loop_words: bool = False) -> str:
    """Return the prompt, with words that ask for a loop where `loop_words` is set."""
    words = [request.prompt, LOOP_WORDS if loop_words and request.loop else ""]
    return ", ".join(word for word in words if word)


def reference(request: LoopRequest, use: Reference) -> Audio | None:
    """Return the audio target of the first control whose row names the model input `use`; None without any."""
    for control in request.controls:
        if find(control.kind).reference is use and isinstance(control.target, Audio):
            return control.target
    return None


def samples_of(audio: Audio, sample_rate: int, channels: int, samples: int, *, lead_samples: int = 0) -> Tensor:
    """Return `audio` at another rate, after a lead, as float32 [1, channels, samples], cut or padded with silence.

    Raises `BadRequestError` for values that are not finite.
    """
    played = at_rate(audio, sample_rate, channels)[..., : samples - lead_samples]
    return torch.nn.functional.pad(played, (lead_samples, samples - lead_samples - played.shape[-1]))


def kept_mask(audio: Audio, request: LoopRequest, span: Span) -> Tensor:
    """Return 1.0 for latent frames whose middle the reference keeps, else 0.0: float32 [frames].

    It is the input of a model that inpaints by itself; its frames are those of the piece, lead and end included, and
    may be as long as a beat: so their middles decide. The control's own weights (`engine.controls.inpaint`) are those
    of the loop's frames. Without ranges of beats in `audio.keep`, all frames that the reference covers are kept.
    """
    samples = (torch.arange(span.frames, dtype=torch.float64) + 0.5) * span.model_samples / span.frames
    middles = (samples - span.lead_samples) * float(request.beats) / span.loop_samples
    covered = len(audio.samples) / (4 * audio.channels * audio.sample_rate) * float(request.tempo_bpm) / 60
    ranges = [(float(start), float(end)) for start, end in audio.keep] or [(0.0, covered)]
    kept = torch.zeros(span.frames)
    for start, end in ranges:
        kept[(middles >= start) & (middles < min(end, covered))] = 1.0
    return kept
