"""What a model does not hear of a request, and what it cannot do at all, is told before the loop is made."""

import pytest

from engine.events import Accepted
from engine.pipeline import make_loop
from engine.request import Budget
from engine.settings import Settings

HEARING = ("stable-audio", "stable-audio-3-base", "audioldm2", "musicldm")
DEAF = ("stable-audio-3", "ace-step-turbo", "ace-step-base")  # to a negative prompt: guidance is in their weights
LONG = "dusty boom bap, " * 60
pytestmark = pytest.mark.filterwarnings("ignore:.*:FutureWarning")


def told(model, request) -> tuple[str, ...]:
    """Return the sentences that come before a loop."""
    making = make_loop(request, model, Settings(device="cpu"))
    accepted = next(iter(making))
    making.close()
    assert isinstance(accepted, Accepted)
    return accepted.notes


@pytest.mark.parametrize("name", [*HEARING, *DEAF])
def test_a_negative_prompt_is_used_or_said_to_be_unused(name, models, tiny):
    """Used means that another conditioning results; the note and the conditioning never disagree."""
    model, asked = models[name], tiny.request_for(negative_prompt="noise")
    unused = [note for note in told(model, asked) if "should not sound like" in note]
    with_it, without = (repr(model.scene(request).inputs) for request in (asked, tiny.request_for()))
    assert bool(unused) == (name in DEAF) == (with_it == without)
    assert not [note for note in told(model, tiny.request_for()) if "should not sound like" in note]


@pytest.mark.parametrize("name", [*HEARING, *DEAF])
def test_a_prompt_that_is_cut_is_told_with_its_last_words(name, models, tiny):
    """Encoders hear a number of tokens: tempo and key stand at the end, and are not heard either."""
    model = models[name]
    short, long = (told(model, tiny.request_for(prompt=prompt)) for prompt in ("dusty", LONG))
    assert not [note for note in short if "too long" in note]
    (note,) = [note for note in long if "too long" in note]
    assert "no tempo or key after it" in note
    cut = note.partition("“…")[2].partition("”")[0]
    assert cut
    again = told(model, tiny.request_for(prompt=LONG + "techno"))
    assert note in again  # a word beyond the cut changes nothing


@pytest.mark.parametrize(("name", "limit"), [("audioldm2", "16 kHz mono"), ("ace-step-turbo", "10 s and more")])
def test_known_limits_of_a_model_are_told_with_each_loop(name, limit, models, tiny):
    assert any(limit in note for note in told(models[name], tiny.request_for()))


@pytest.mark.parametrize(("steps", "said"), [(0, "without a search its end does not meet"), (3, "the search leads")])
def test_a_loop_between_frames_is_not_promised_a_search_that_is_not_made(steps, said, models, tiny):
    request = tiny.request_for(loop=True, tempo_bpm=233, budget=Budget(steps=steps))
    assert any(said in note for note in models["stable-audio"].scene(request).notes)
