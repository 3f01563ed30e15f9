"""Where a search begins that keeps a part of a recording."""

from collections.abc import Callable

import pytest
import torch
from asking import Asking
from torch import Tensor

from engine.controls import Term
from engine.models.protocol import Sampler
from engine.models.testing import TinyModel
from engine.sampling import sample, start_noise
from engine.search import objective as targets
from engine.search.inversion import STEPS, inverted, inverted_where_kept
from engine.search.objective import Goal, Objective
from engine.search.surrogate import Chain, Problem, latent_of

CHAIN = Chain(steps=STEPS, sampler=Sampler.DDIM)
FIRST = 20  # frames that are kept


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_chain_is_solved_backwards(ask: Asking, seed: int) -> None:
    """The noise that is found makes the loop again, twenty times nearer than a chance noise does."""
    model = TinyModel(dtype=torch.float64)
    scene = model.scene(ask.request())
    noise, other = (start_noise(scene, number).double() for number in (seed, seed + 1))
    schedule = model.schedule(STEPS, scene)
    with torch.no_grad():
        loop, chance = (sample(model, scene, one, schedule, Sampler.DDIM) for one in (noise, other))
        again = sample(model, scene, inverted(model, scene, loop, Sampler.DDIM), schedule, Sampler.DDIM)
    assert float((again - loop).norm()) < 0.05 * float((chance - loop).norm())


def test_a_search_begins_at_the_noise_of_what_is_kept(ask: Asking) -> None:
    """The first frames of another seed's loop are nearly there before any step, and the others keep their noise."""
    model = TinyModel()
    scene = model.scene(ask.request())
    wanted = latent_of(model, scene, start_noise(scene, 7), CHAIN, checkpoint=False).detach()
    goal = Goal(name="kept", kind="inpaint", weight=1.0, tolerance=0.1, term=Term(
        loss=_apart(wanted), distance=_apart(wanted), write_kept_frames=lambda latent: torch.cat(
            [wanted[:, :FIRST], latent[:, FIRST:]], 1)))  # fmt: skip
    problem, noise = Problem(model, scene, Objective((goal,))), start_noise(scene, 8)
    with torch.no_grad():
        moved = inverted_where_kept(problem, noise, CHAIN)
        before, after = (
            float(_apart(wanted)(None, latent_of(model, scene, one, CHAIN, checkpoint=False))) for one in (noise, moved)
        )
    assert after < 0.5 * before
    kept, free = ((moved - noise)[:, part].norm() for part in (slice(FIRST), slice(FIRST, None)))
    assert float(free) < 0.2 * float(kept)


def _apart(wanted: Tensor) -> Callable[[object, Tensor], Tensor]:
    return lambda _, latent: (latent - wanted)[:, :FIRST].square().flatten(1).mean(1)


def test_without_a_part_that_is_kept_the_noise_is_that_of_the_seed(ask: Asking) -> None:
    """Nothing is known of the end of any other search: its noise stays to the bit."""
    model, request = TinyModel(), ask.request(ask.intensity())
    scene = model.scene(request)
    noise = start_noise(scene, 3)
    assert torch.equal(
        inverted_where_kept(Problem(model, scene, targets.build(request, scene, model)), noise, CHAIN), noise
    )
