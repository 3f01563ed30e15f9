"""What is loaded is not searched for cycles, and stays."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from engine.models.speed.garbage_collection import without_garbage_collection
from engine.models.stored import Unset


class Ring:
    """An object in a cycle."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    """Leave no object of this process out of its searches."""
    yield
    gc.enable()
    gc.unfreeze()


def test_no_search_happens_meanwhile_and_searches_go_on_after() -> None:
    """Python searches again once it is left, also by an error, but not among what was made by then."""
    for error in (None, ValueError):
        try:
            with without_garbage_collection():
                assert not gc.isenabled()
                before = weakref.ref(Ring())
                if error is not None:
                    raise error
        except ValueError:
            pass
        assert gc.isenabled()
        after = weakref.ref(Ring())
        gc.collect()
        assert before() is not None
        assert after() is None


def test_whoever_has_turned_searches_off_finds_them_off() -> None:
    """The state from before comes back, whichever it was."""
    gc.disable()
    with without_garbage_collection():
        pass
    assert not gc.isenabled()


def test_a_command_ends_without_a_search_among_what_it_loaded() -> None:
    """At the end of `ditto-live` nothing that it has made is left to be searched."""
    probe = (
        "import atexit, gc, sys; atexit.register(lambda: print('tracked', len(gc.get_objects())));"
        "sys.argv = ['ditto-live', '--version']; from bridge.cli.start import main; main()"
    )
    done = subprocess.run([sys.executable, "-Ic", probe], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout.rpartition("tracked ")[2]) < 100


def test_a_network_about_to_be_read_draws_no_random_numbers() -> None:
    """Its parameters have their sizes, the generator is where it was, and values that are not random are set."""
    before = torch.get_rng_state()
    with Unset():
        network = nn.Sequential(nn.Linear(3, 4), nn.Conv1d(4, 2, 3))
        ones = torch.ones(3)
    assert torch.equal(torch.get_rng_state(), before)
    assert [tuple(one.shape) for one in network.parameters()] == [(4, 3), (4,), (2, 4, 3), (2,)]
    assert torch.equal(ones, torch.full((3,), 1.0))
    drawn = nn.Linear(3, 4)
    assert not torch.equal(torch.get_rng_state(), before)
    assert bool(drawn.weight.abs().sum() > 0)
