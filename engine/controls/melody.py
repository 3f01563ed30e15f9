"""Melody: in every frame where a note sounds, its pitch class is the loudest of the twelve.

The chroma is computed from the power of the bands. Each band counts for a pitch class by the distance of its centre;
bands wider than a semitone are spread over several classes, so that the partials in higher octaves decide. Rests are
free. DITTO (Novack et al. 2024) minimises the negative log-likelihood of the target's class, whose gradient does not
vanish where the note already leads; that version is `melody-paper`. Here the loss of a frame is the square by which its
*lead*, the log ratio of its energy to the next loudest class, falls short of a margin, so that frames that are still
wrong decide. A search then takes half the steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import softplus

from midi.melody import frame_span, pitch_class_target
from midi.melody import melody as one_voice
from midi.notes import Note

from .. import metrics
from ..errors import BadRequestError
from ..models.protocol import Scene
from ..request import Notes, targets_of
from ..spectrum import Spectrum
from .grid import filtered, goal_features, hann_kernel, like, mean, per_layout
from .registry import control
from .row import FeatureKind, Paper
from .term import Context, Term

LOWEST_HZ = 261.2  # middle C: the papers' high-pass
LOWEST_UNDER_HZ = 60.0  # what lies under the tune of a lead that is heard alone, from here on
ALONE = frozenset({"lead"})  # layers without a bass and drums, which may play under the tune
HIGHEST_HZ = 4300.0  # four octaves above it; higher partials of all notes overlap
WINDOW_SECONDS = 8192 / 44_100
PITCH_WIDTH = 0.5  # semitones, standard deviation of a class around its pitches
LOWEST_PITCH, HIGHEST_PITCH = 60, 96  # MIDI numbers that `melody-octave` can follow
MARGIN = 1.5  # nepers of energy, the margin of the loss
HEARD_LEAD = 0.35  # nepers (1.5 dB), the lead at which a frame counts as right: decoding takes some of it away
HIDDEN_LEAD, HIDDEN_WEIGHT = 0.5, 4.0  # nepers below which a note is hidden, and the factor of its loss
PROXIMAL_WEIGHT = 0.2  # with more, the notes of the uncontrolled loop stay nearly as loud as the target's
FLOOR_SHARE = 1e-4  # of a frame's chroma: keeps the logarithm finite in silence
PAPER = Paper(family="melody", long=True)


@dataclass(frozen=True, slots=True)
class _Grid:
    classes: Tensor  # [frames] int64
    weights: Tensor  # [frames], 0 in rests
    chroma: Tensor  # [12, bands]; with a row for what is under the tune where nothing else may play there
    window: Tensor


def class_weights(spectrum: Spectrum, lowest_hz: float = LOWEST_HZ, highest_hz: float = HIGHEST_HZ) -> Tensor:
    """Return the weight of each band for each pitch class, C first, rows summing to one: [12, bands]."""
    pitch, width = _band_pitches(spectrum)
    classes = torch.arange(12, device=pitch.device)[:, None]
    near = torch.exp(-0.5 * (((pitch - classes + 6) % 12 - 6) / width).square())
    return _heard(near, spectrum, lowest_hz, highest_hz)


def _pitch_weights(spectrum: Spectrum) -> Tensor:
    """Return the weight of each band for each pitch from LOWEST_PITCH to HIGHEST_PITCH: [pitches, bands]."""
    pitch, width = _band_pitches(spectrum)
    pitches = torch.arange(LOWEST_PITCH, HIGHEST_PITCH + 1, device=pitch.device)[:, None]
    return _heard(torch.exp(-0.5 * ((pitch - pitches) / width).square()), spectrum)


def _band_pitches(spectrum: Spectrum) -> tuple[Tensor, Tensor]:
    """Return each band's pitch as a MIDI number, and its width in semitones, a standard deviation: [bands] each."""
    frequency = spectrum.frequencies_hz.double().clamp_min(1)
    pitch = 69 + 12 * torch.log2(frequency / 440)
    reach = 0.5 * torch.gradient(pitch)[0]
    return pitch, (PITCH_WIDTH**2 + reach.square()).sqrt()


def _heard(near: Tensor, spectrum: Spectrum, lowest_hz: float = LOWEST_HZ, highest_hz: float = HIGHEST_HZ) -> Tensor:
    frequency = spectrum.frequencies_hz
    weights = near * ((frequency >= lowest_hz) & (frequency <= highest_hz))
    return like(weights / weights.sum(1, keepdim=True).clamp_min(1e-9), spectrum)


def _line(target: Notes) -> tuple[Note, ...]:
    """Return the notes of the target's highest voice; none for a target without notes."""
    return one_voice(target.notes) if target.notes else ()


def _grid(target: Notes, context: Context) -> Callable[[Spectrum], _Grid]:
    line = _line(target)
    under_hz = _under_hz(line) if context.layers and ALONE.issuperset(context.layers) else None

    def make(spectrum: Spectrum) -> _Grid:
        classes, sounding = pitch_class_target(line, context.request.beats, spectrum.frames)
        weights = context.frame_weights(spectrum.frames) * torch.from_numpy(sounding)
        device = spectrum.power.device
        return _Grid(
            torch.from_numpy(classes).to(device),
            like(weights, spectrum),
            class_weights(spectrum) if under_hz is None else _class_weights_of_a_lead(spectrum, under_hz),
            hann_kernel(WINDOW_SECONDS, spectrum),
        )

    return per_layout(make)


def _under_hz(line: Sequence[Note]) -> float:
    """Return the frequency in hertz under which no note of `line` has a partial, at most that of middle C."""
    lowest = min((note.pitch for note in line), default=LOWEST_PITCH)
    return min(LOWEST_HZ, 440 * 2 ** ((lowest - 69 - 1) / 12))


def _class_weights_of_a_lead(spectrum: Spectrum, under_hz: float) -> Tensor:
    """Return weights that halve from octave to octave, and a row for all that is under the tune: [13, bands].

    The third partial of a note a twelfth lower is a note of the tune's class. Where it is the loudest it would count as
    the tune, but whoever listens hears the lower note. In a mix a bass plays there by right.
    """
    weights = class_weights(spectrum)
    under = _heard(torch.ones_like(weights[:1]), spectrum, LOWEST_UNDER_HZ, under_hz)
    falling = LOWEST_HZ / spectrum.frequencies_hz.to(weights).clamp_min(LOWEST_UNDER_HZ)
    return torch.cat([weights * falling, under])


def chroma(spectrum: Spectrum, weights: Tensor, window: Tensor) -> Tensor:
    """Return the share of the energy of each row of `weights` [batch, rows, frames], summing to one, at least 1e-4.

    `weights` [rows, bands] are of `class_weights`, `window` is the smoothing kernel over frames.
    """
    energy = filtered(weights @ spectrum.power, window, circular=spectrum.circular).clamp_min(0) + 1e-12
    share = energy / energy.sum(1, keepdim=True)
    return (share + FLOOR_SHARE) / (1 + len(weights) * FLOOR_SHARE)


def lead(share: Tensor, wanted: Tensor) -> Tensor:
    """Return by how many nepers `wanted` [frames] leads the next loudest in `share` [batch, n, frames].

    The result is [batch, frames], below 0 where another is louder; the energies are over n classes or pitches.
    """
    chosen = wanted.expand(len(share), 1, -1)
    own = share.gather(1, chosen)[:, 0]
    rival = share.scatter(1, chosen, FLOOR_SHARE).amax(1)
    return own.log() - rival.log()


def margin_loss(share: Tensor, wanted: Tensor) -> Tensor:
    """Return a smooth squared hinge loss of the lead of the class or pitch `wanted` [frames]: [batch, frames].

    It is softplus(1.5 - lead)^2 of the energies `share` [batch, n, frames]: almost 0 for a clear lead, the squared
    distance from the margin for a note far behind. Hidden notes count four times: they would otherwise be outweighed by
    the many notes that already lead.
    """
    ahead = lead(share, wanted)
    return softplus(MARGIN - ahead).square() * torch.where(ahead.detach() < HIDDEN_LEAD, HIDDEN_WEIGHT, 1.0)


@control(
    "melody",
    *targets_of("melody"),
    layers=("lead",),
    unit="share of frames off",
    tolerance=0.03,
    tolerance_with_others=0.04,
    usual_steps=22,
    help="The loudest pitch class follows the notes; rests are free.",
    feature=FeatureKind.PITCH_CLASSES,
    metric=metrics.MELODY,
    paper=replace(PAPER, kind="melody-paper"),
)
def melody(target: Notes, scene: Scene, context: Context) -> Term:
    """Loss: the mean `margin_loss` over frames where a note sounds; distance: their share with too small a lead."""
    grid_of = _grid(target, context)

    def loss(spectrum: Spectrum, _: Tensor) -> Tensor:
        grid = grid_of(spectrum)
        return mean(margin_loss(chroma(spectrum, grid.chroma, grid.window), grid.classes), grid.weights)

    def features(spectrum: Spectrum) -> Tensor:
        grid = grid_of(spectrum)
        asked = torch.nn.functional.one_hot(grid.classes, 12).T.to(grid.weights) * (grid.weights > 0)
        return goal_features(asked, 3 * chroma(spectrum, grid.chroma[:12], grid.window), grid.weights)

    return Term(loss, _share_off(grid_of, HEARD_LEAD), proximal_weight=PROXIMAL_WEIGHT, features=features)


@control(
    "melody-paper",
    Notes,
    layers=("lead",),
    unit="share of frames off",
    tolerance=0.05,
    help="DITTO's own melody: the log-likelihood of the notes' classes.",
    metric=metrics.MELODY,
    paper=PAPER,
)
def melody_paper(target: Notes, scene: Scene, context: Context) -> Term:
    """Loss: the mean negative log-likelihood of the note's class; distance: the share of frames without a lead."""
    grid_of = _grid(target, replace(context, layers=()))  # the paper's chroma, whoever plays

    def loss(spectrum: Spectrum, _: Tensor) -> Tensor:
        grid = grid_of(spectrum)
        share = chroma(spectrum, grid.chroma, grid.window)
        wanted = share.gather(1, grid.classes.expand(len(share), 1, -1))[:, 0]
        return mean(-wanted.log(), grid.weights)

    return Term(loss, _share_off(grid_of, 0.0))


def _share_off(grid_of: Callable[[Spectrum], _Grid], least_lead: float) -> Callable[[Spectrum, Tensor], Tensor]:
    """Return a distance: the share of sounding frames whose note leads by less than `least_lead` nepers."""

    def distance(spectrum: Spectrum, _: Tensor) -> Tensor:
        grid = grid_of(spectrum)
        off = lead(chroma(spectrum, grid.chroma, grid.window), grid.classes) < least_lead
        return mean(off.to(grid.weights), grid.weights)

    return distance


@control(
    "melody-octave",
    Notes,
    layers=("lead",),
    unit="share of frames off",
    tolerance=0.05,
    help="The loudest pitch, octave included, follows the notes; rests are free.",
    metric=metrics.MELODY,
    paper=Paper(family="melody"),
)
def melody_octave(target: Notes, scene: Scene, context: Context) -> Term:
    """Loss and distance of `melody` over 37 pitches in place of 12 classes, so that the octave counts, too.

    Raises `BadRequestError` for notes outside LOWEST_PITCH to HIGHEST_PITCH.
    """
    pitches_of = _pitch_grid(target, context)

    def shares(spectrum: Spectrum) -> tuple[Tensor, _PitchGrid]:
        grid = pitches_of(spectrum)
        energy = filtered(grid.bands @ spectrum.power, grid.window, circular=spectrum.circular).clamp_min(0) + 1e-12
        share = energy / energy.sum(1, keepdim=True)
        return (share + FLOOR_SHARE) / (1 + len(grid.bands) * FLOOR_SHARE), grid

    def loss(spectrum: Spectrum, _: Tensor) -> Tensor:
        share, grid = shares(spectrum)
        return mean(margin_loss(share, grid.pitches), grid.weights)

    def distance(spectrum: Spectrum, _: Tensor) -> Tensor:
        share, grid = shares(spectrum)
        return mean((lead(share, grid.pitches) < HEARD_LEAD).to(grid.weights), grid.weights)

    return Term(loss, distance, proximal_weight=PROXIMAL_WEIGHT)


@dataclass(frozen=True, slots=True)
class _PitchGrid:
    pitches: Tensor  # [frames] int64, counted from LOWEST_PITCH
    weights: Tensor
    bands: Tensor  # [pitches, bands]
    window: Tensor


def _pitch_grid(target: Notes, context: Context) -> Callable[[Spectrum], _PitchGrid]:
    line = _line(target)
    low = min([note.pitch for note in line], default=LOWEST_PITCH)
    if low < LOWEST_PITCH or max([note.pitch for note in line], default=low) > HIGHEST_PITCH:
        raise BadRequestError(
            f"Melody-octave follows pitches {LOWEST_PITCH} to {HIGHEST_PITCH}, this one leaves them.",
            remedy="Use the control melody, which follows pitch classes, or transpose the notes.",
        )

    def make(spectrum: Spectrum) -> _PitchGrid:
        _, sounding = pitch_class_target(line, context.request.beats, spectrum.frames)
        pitches = torch.zeros(spectrum.frames, dtype=torch.int64)
        for note in line:
            first, after = frame_span(note.start, note.end, context.request.beats, spectrum.frames)
            pitches[first:after] = note.pitch - LOWEST_PITCH
        weights = context.frame_weights(spectrum.frames) * torch.from_numpy(sounding)
        return _PitchGrid(
            pitches.to(spectrum.power.device),
            like(weights, spectrum),
            _pitch_weights(spectrum),
            hann_kernel(WINDOW_SECONDS, spectrum),
        )

    return per_layout(make)
