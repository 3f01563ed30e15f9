"""A take's record: what was done, in plain values."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from asking import Asking

from engine.models.protocol import Scene
from engine.models.testing import TinyModel
from engine.takes.noise import OpenSeeds, noise_to_bytes
from engine.takes.record import layer_facts, noise_facts, search_facts, threads_of, what_was_done


def test_losses_are_curves_by_control(tiny: TinyModel, ask: Asking) -> None:
    """One curve for each control of the first step, rounded; without steps none."""
    done = what_was_done(ask.request(), tiny.card, [{"a": 1.0000000004, "b": 2.0}, {"a": 0.5, "b": 1.0}], 1.23456)
    assert done["loss_curves"] == {"a": [1.0, 0.5], "b": [2.0, 1.0]}
    assert (done["steps"], done["seconds_optimising"], done["model"]) == (2, 1.235, tiny.card.name)
    assert cast(dict[str, Any], done["versions"])["torch"]
    assert what_was_done(ask.request(), tiny.card, [], 0.0)["loss_curves"] == {}


def test_only_what_is_known_is_in_the_record() -> None:
    """A learned step and the weights are named where there are some; a full mix has no layers."""
    assert search_facts(3, "") == {"verifications": 3}
    assert search_facts(3, "abc") == {"verifications": 3, "first_step": "abc"}
    mix = cast(Scene, SimpleNamespace(layers=(), muted=(), record={}))
    assert layer_facts(mix, "") == {"layers": [], "muted": [], "chords": ""}
    some = cast(Scene, SimpleNamespace(layers=("drums", "bass"), muted=("bass",), record={"chords": "Am"}))
    facts = layer_facts(some, "d")
    assert facts == {"layers": ["drums", "bass"], "muted": ["bass"], "chords": "Am", "weights": "d"}


@pytest.mark.parametrize(
    ("stored", "threads"),
    [("", 0), ("no JSON", 0), ("{}", 0), ("2", 2), ("256", 256), ("257", 0), ("0", 0), ("-3", 0), ("1e99", 0)],
)
def test_a_stored_number_of_threads_is_one_that_a_computer_has(stored: str, threads: int) -> None:
    """A noise may come from anywhere; what it says is used only where it can be true."""
    facts = f'{{"device":"cpu","precision":"float32","kernels":"AVX2","threads":{stored}}}'
    computed = facts if stored.strip("-")[:1].isdigit() else stored
    noise = noise_to_bytes(
        torch.zeros(4, 2), model="tiny", seed=1, open_seeds=OpenSeeds(words=1, key=1), computed=computed
    )
    assert threads_of(noise) == threads


def test_the_noise_of_a_seed_is_gaussian_and_white() -> None:
    """Mean 0, deviation 1, kurtosis 3, flatness near 1; noise that is smoothed is not white."""
    noise = torch.randn(400, 16, generator=torch.Generator().manual_seed(0))
    facts = noise_facts(noise, 0)
    assert facts["noise_mean"] == pytest.approx(0, abs=0.05)
    assert facts["noise_std"] == pytest.approx(1, abs=0.05)
    assert facts["noise_kurtosis"] == pytest.approx(3, abs=0.2)
    smooth = noise_facts(noise.cumsum(0), 0)
    assert cast(float, smooth["noise_flatness"]) < 0.5 * cast(float, facts["noise_flatness"])
