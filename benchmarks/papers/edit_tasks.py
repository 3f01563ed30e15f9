"""What the edits of DITTO's tables 1 and 2 ask for: gaps to fill, a recording to go on from, a loop to close.

References are held-out loops of the synthesiser at 120 BPM, 4 bars, 8 s. Where they are kept is in beats.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from torch import Tensor

from benchmarks.papers.baseline import Setting, setting_of
from benchmarks.papers.baselines.masked import Known
from benchmarks.quality.evaluation import material
from engine.controls import Term
from engine.controls.inpaint import FLOOR_DENSITY, PROXIMAL_WEIGHT, SCALE_DB
from engine.models.protocol import Model
from engine.pocket.bands import SAMPLE_RATE
from engine.request import Audio, Control, LoopRequest
from engine.search.objective import Goal, Objective
from engine.spectrum import Spectrum

TEMPO_BPM, BARS = 120, 4
SHORT_TEMPO_BPM = 80  # a bar of 3 s
FIRST_SEED = 7_000_000
TOLERANCE_DB = 2.0
LOOP_BARS, OVERLAP_SECONDS = 3, 0.5  # of the loop without a reference, in a window of four bars


@dataclass(frozen=True, slots=True)
class Edit:
    """A task: which seconds of the clip are known, and from which second of the reference each range comes."""

    name: str
    ranges: tuple[tuple[float, float], ...] = ()  # of the clip, in seconds
    shift: tuple[float, ...] = ()  # of the reference, where each range begins
    clip_seconds: float = 8.0
    published: str = ""  # its column of the paper's tables
    reference: bool = True

    @property
    def joins(self) -> tuple[float, ...]:
        """The seconds at which known and new meet."""
        if not self.reference:
            return (0.0,)
        # Nobody asked the clip's own end to lead back to its beginning.
        return tuple(sorted({place % self.clip_seconds for one in self.ranges for place in one} - {0.0}))


def _inpaint(gap: int) -> Edit:
    first, last = 4 - gap / 2, 4 + gap / 2
    return Edit(f"inpaint, gap {gap} s", ((0.0, first), (last, 8.0)), (0.0, last), published=f"gap {gap}")


def _outpaint(overlap: int, clip: float = 8.0) -> Edit:
    name = f"outpaint, overlap {overlap} s" + ("" if clip == 8.0 else f", clip {clip:g} s")
    return Edit(name, ((0.0, float(overlap)),), (8.0 - overlap,), clip, f"o={overlap}" if clip == 8.0 else "")


EDITS = {
    edit.name: edit
    for edit in (
        *(_inpaint(gap) for gap in (2, 3, 4)),
        *(_outpaint(overlap) for overlap in (1, 2, 3)),
        _outpaint(1, 3.0),
        Edit("loop, reference", ((0.0, 1.0), (7.0, 8.0)), (7.0, 0.0), published="loop"),
        Edit("loop, no reference", reference=False),
    )
}


@lru_cache(maxsize=1)
def reference_of(seed: int) -> material.Loop:
    """Return the held-out loop that a seed edits: 8 s, at least."""
    genre = material.GENRE_NAMES[seed % len(material.GENRE_NAMES)]
    recipe = material.same_tempo(genre, FIRST_SEED + 50 * seed, 1)[0]
    return material.rendered(recipe, None)


class Task(NamedTuple):
    """The setting of an edit, what is known of its latent, and the setting of the loop that is delivered."""

    setting: Setting
    known: Known
    delivered: Setting

    def cut(self, latent: Tensor) -> Tensor:
        """Return the part of a latent [1, frames, channels] that is delivered."""
        return latent[:, : self.delivered.scene.frames]


def task(edit: Edit, seed: int, model: Model) -> Task:
    """Return the task of an edit and a seed."""
    loop = reference_of(seed)
    assert loop.labels is not None
    short = edit.clip_seconds != 8.0
    tempo, bars = (SHORT_TEMPO_BPM, 1) if short else (TEMPO_BPM, BARS)
    prompt = material.request_for(loop.labels, 0).prompt
    request = LoopRequest(prompt=prompt, tempo_bpm=Fraction(tempo), bars=bars, seed=seed)
    if not edit.reference:
        return _self_known(request, model)
    audio = _laid_out(edit, loop.audio)
    beats_a_second = Fraction(tempo, 60)
    keep = tuple((Fraction(a).limit_denominator(100) * beats_a_second, Fraction(b).limit_denominator(100)
                  * beats_a_second) for a, b in edit.ranges)  # fmt: skip
    target = Audio(samples=audio.T.astype("<f4").tobytes(), sample_rate=SAMPLE_RATE, keep=keep)
    asked = msgspec.structs.replace(request, controls=(Control(kind="inpaint", target=target),))
    setting = setting_of(asked, model)
    known = model.encode(torch.from_numpy(audio)[None], setting.scene)
    return Task(setting, Known(_inside(edit, setting.scene.frames), known), setting)


def _laid_out(edit: Edit, loop: material.Audio) -> material.Audio:
    """Return the clip [2, samples] with the reference's parts where they are known, silence elsewhere."""
    whole = np.tile(loop, (1, 2 + int(8 * SAMPLE_RATE / loop.shape[1])))
    audio = np.zeros((2, round(edit.clip_seconds * SAMPLE_RATE)), np.float32)
    for (first, last), begins in zip(edit.ranges, edit.shift, strict=True):
        start, end, source = (round(place * SAMPLE_RATE) for place in (first, last, begins))
        audio[:, start:end] = whole[:, source : source + end - start]
    return audio


def _inside(edit: Edit, frames: int) -> Tensor:
    places = (torch.arange(frames) + 0.5) * edit.clip_seconds / frames
    return torch.stack([(places >= first) & (places < last) for first, last in edit.ranges]).any(0)


def _self_known(request: LoopRequest, model: Model) -> Task:
    """Return the loop of three bars inside a window of four (DITTO's appendix E): its end is its own beginning."""
    bare = setting_of(request, model)
    whole = bare.scene.frames
    delivered = setting_of(msgspec.structs.replace(request, bars=LOOP_BARS), model)
    twin = delivered.scene.frames
    count = round(OVERLAP_SECONDS * whole / float(request.seconds))
    inside = torch.zeros(whole, dtype=torch.bool)
    inside[twin : twin + count] = True
    goal = Goal(name="wrap", kind="inpaint", weight=1.0, tolerance=TOLERANCE_DB, term=_wrap(twin / whole))
    return Task(bare._replace(objective=Objective((goal,))), Known(inside, None, twin), delivered)


def _wrap(share: float) -> Term:
    """Return the squared difference in dB of the overlap at the loop's beginning and behind its end."""

    def squared_db(spectrum: Spectrum, _: Tensor) -> Tensor:
        count = round(OVERLAP_SECONDS * spectrum.frame_rate_hz)
        twin = round(spectrum.power.shape[-1] * share)
        density = spectrum.power / spectrum.bins.to(spectrum.power)[:, None]
        level = 10 * torch.log10(density + FLOOR_DENSITY)
        return (level[..., :count] - level[..., twin : twin + count]).square().flatten(1).mean(1)

    return Term(
        loss=lambda spectrum, latent: squared_db(spectrum, latent) / SCALE_DB**2,
        distance=lambda spectrum, latent: (squared_db(spectrum, latent) + 1e-12).sqrt(),
        proximal_weight=PROXIMAL_WEIGHT,
    )
