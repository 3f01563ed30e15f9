"""States survive as bytes, those of the build before are read, and nothing else is taken for one."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from asking import Asking
from safetensors.torch import load, save

from engine import pipeline
from engine.errors import BadInputError
from engine.events import Take
from engine.models.testing import TinyModel
from engine.request import Budget, Control, Notes
from engine.search.best import Best
from engine.search.state import SearchState
from engine.search.step import Moments, Pace
from engine.search.surrogate import Correction, Verified
from engine.settings import Settings
from midi.notes import Note
from midi.tempo import Meter

KEPT = Path(__file__).parent / "kept" / "state-form-2.safetensors"


def test_a_state_comes_back_as_it_was() -> None:
    """Every part's tensors and counts, and parts that have none yet."""
    noise = torch.randn(2, 5, 3)
    state = SearchState(
        iteration=17,
        noise=noise,
        best=Best(noise=-noise, total=torch.tensor([0.5, 2.0]), reached=torch.tensor([True, False])),
        moments=Moments(noise + 1, noise**2),
        pace=Pace(
            rate=torch.tensor([1.0, 0.6]),
            verified_total=torch.tensor([0.4, 1.0]),
            surrogate_total=torch.tensor([0.3, 1.5]),
        ),
        scales={"melody": torch.ones(2)},
        verified=Verified(count=4, iteration=15),
        correction=Correction(latent=noise * 3),
    )
    again = SearchState.from_bytes(state.to_bytes())
    assert (again.iteration, again.verified) == (17, Verified(count=4, iteration=15))
    assert again.to_bytes() == state.to_bytes()
    assert torch.equal(again.best.reached, state.best.reached)
    assert torch.equal(again.scales["melody"], torch.ones(2))
    assert (again.correction.power, again.anchor) == (None, None)


def test_a_state_before_the_first_step_comes_back() -> None:
    """Though some of its tensors are one and the same."""
    noise = torch.randn(1, 5, 3)
    again = SearchState.from_bytes(SearchState.fresh(noise).to_bytes())
    assert torch.equal(again.noise, noise)
    assert torch.equal(again.best.noise, noise)
    assert float(again.pace.surrogate_total) == float("inf")


def test_a_search_that_an_earlier_build_left_goes_on(tiny: TinyModel, ask: Asking) -> None:
    """Its state of form 2, kept after six of twelve steps, leads to the losses that the earlier build came to."""
    request = ask.request(
        Control(kind="intensity", target=ask.curve((0, -31.0), (2, -23.0))),
        Control(
            kind="melody",
            target=Notes(notes=(Note(72, Fraction(0), Fraction(1)), Note(76, Fraction(1), Fraction(1)))),
        ),
        bars=1,
        meter=Meter(2, 4),
        tempo_bpm=Fraction(240),
        budget=Budget(steps=12, until_tolerance=False),
    )
    made = pipeline.make_loop(request, tiny, Settings(), resume=KEPT.read_bytes())
    (take,) = (event for event in made if isinstance(event, Take))
    curves: Any = take.record["loss_curves"]
    assert curves["intensity"][-3:] == pytest.approx([5.691591, 5.382251, 5.044878], rel=1e-3)
    assert curves["melody"][-3:] == pytest.approx([11.493046, 11.185487, 11.448893], rel=1e-3)
    assert take.record["steps"] == 7


def test_a_state_of_a_later_build_is_refused() -> None:
    """The sentence names the forms that can be read, and the remedy a way to the loop."""
    tensors = load(SearchState.fresh(torch.randn(1, 5, 3)).to_bytes())
    tensors["counts"][0] = 9
    with pytest.raises(BadInputError, match="form 9; this version reads the forms 2 and 3") as refused:
        SearchState.from_bytes(save(tensors))
    assert "same seed" in refused.value.remedy


@pytest.mark.parametrize("data", [b"", b"RIFF....WAVE", save({"noise": torch.zeros(2)})])
def test_other_bytes_are_refused(data: bytes) -> None:
    """In a sentence, not with a traceback of the format's library."""
    with pytest.raises(BadInputError, match="not the saved state"):
        SearchState.from_bytes(data)
