"""Which note is heard: in a mix by its pitch class, in a lead alone by its lowest partial too."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from engine.controls import Context, find
from engine.pocket.model import load_pocket
from engine.request import LoopRequest, Notes
from engine.settings import Settings
from midi.notes import Note

REQUEST = LoopRequest(bars=1, tempo_bpm=Fraction(120), layers=("mix",))


def distance(
    asked: int, played: int, partials: tuple[float, ...], layers: tuple[str, ...], kind: str = "melody"
) -> float:
    """Return the share of frames off where the note `asked` should sound and one with such `partials` is played."""
    model = load_pocket(Settings(dtype="float32"))
    scene = model.scene(REQUEST)
    time = np.arange(scene.model_samples) / model.card.sample_rate
    hertz = 440 * 2 ** ((played - 69) / 12)
    tone = sum(size * np.sin(2 * np.pi * hertz * n * time) for n, size in enumerate(partials, 1))
    spectrum = model.hear(torch.from_numpy(0.1 * np.tile(tone, (2, 1))).float()[None], scene)
    notes = Notes(notes=(Note(pitch=asked, start=Fraction(0), duration=Fraction(4)),))
    term = find(kind).term(notes, scene, Context(request=REQUEST, model=model, layers=layers))
    return float(term.distance(spectrum, torch.zeros(1, *scene.noise_shape)))


@pytest.mark.parametrize("layers", [(), ("lead",), ("drums", "bass", "lead")])
def test_the_note_itself_is_right(layers: tuple[str, ...]) -> None:
    """Whoever plays beside it, and whether it has overtones or is an octave away: its class is asked for."""
    for played in (72, 84):
        assert distance(72, played, (1.0, 0.5, 0.3), layers) == 0


@pytest.mark.parametrize(("played", "partials"), [(58, (0.5, 0.3, 1.0)), (63, (1.0, 0.5, 1.5))])
def test_a_lead_a_twelfth_lower_is_another_tune(played: int, partials: tuple[float, ...]) -> None:
    """Its third partial is the note that was asked for; in a mix that may be anyone's, in a lead it is its own."""
    assert distance(played + 19, played, partials, ()) == 0
    assert distance(played + 19, played, partials, ("lead",)) == 1
    assert distance(played + 19, played, partials, ("lead",), "melody-paper") == 0  # the paper's own, whoever plays
