"""What a model does not hear of a request, and what it cannot do at all, is told before the loop is made."""

from functools import partial

import pytest
import torch

from engine.errors import BadRequestError, ModelError, OutOfMemoryError
from engine.events import Accepted, Take
from engine.models import catalogue
from engine.pipeline import make_loop
from engine.request import Budget, LoopRequest
from engine.service.workers.jobs import ModelJobs
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


@pytest.mark.parametrize(("tempo", "said"), [
    ("119", r"lasts 8\.1 s; stable-audio makes at most 8\.0 s at once"),
    ("119.999", r"is 1 ms longer than the 8\.0 s that stable-audio makes"),
    ("119.95", r"is 4 ms longer than the 8\.0 s that stable-audio makes"),
])  # fmt: skip
def test_a_loop_that_is_hardly_too_long_is_told_by_how_much(tempo, said, models, tiny):
    """8.0 s and at most 8.0 s would be no reason."""
    with pytest.raises(BadRequestError, match=said):
        models["stable-audio"].scene(tiny.request_for(tempo_bpm=tempo, bars=8))
    assert models["stable-audio"].scene(tiny.request_for(tempo_bpm=120, bars=8))


@pytest.mark.parametrize("error", [
    torch.OutOfMemoryError("CUDA out of memory."), MemoryError(),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 259200000000 bytes."),
])  # fmt: skip
@pytest.mark.parametrize("where", ["condition", "sound"])
def test_memory_that_runs_out_anywhere_is_told(where, error, models, tiny, monkeypatch):
    """The conditioning and the decoder of a large model need more than a step of the search."""

    def full(*_, **__):
        raise error

    monkeypatch.setattr(type(models["stable-audio"]), where, full)
    with pytest.raises(OutOfMemoryError, match=r"The (accelerator|computer) ran out of memory while") as caught:
        list(make_loop(tiny.request_for(), models["stable-audio"], Settings(device="cpu")))
    assert "fewer bars" in caught.value.remedy


def test_a_decoder_without_memory_leaves_the_takes_before_it(models, tiny, monkeypatch):
    """A second take that cannot be decoded does not take the first one with it."""
    model, left = models["stable-audio"], iter([True])
    decode = type(model).sound

    def sound(*args):
        if next(left, False):
            return decode(*args)
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(type(model), "sound", sound)
    events = list(make_loop(tiny.request_for(count=2, method="none"), model, Settings(device="cpu")))
    (take,) = [event for event in events if isinstance(event, Take)]
    assert "So 1 more takes are missing." in take.notes[-1]


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_model_of_one_or_two_channels_makes_stereo_and_of_more_is_refused(channels, tiny, tmp_path, monkeypatch):
    """A folder made for surround sound is refused before a loop is made."""
    monkeypatch.setattr(tiny, "oobleck", partial(tiny.oobleck, audio_channels=channels))
    tiny.save("stable-audio", tmp_path / "mine")
    settings = Settings(device="cpu", models=tmp_path)
    if channels > 2:
        with pytest.raises(ModelError, match="makes 6 channels; a loop has one or two"):
            catalogue.load("mine", settings)
        return
    (take,) = [one for one in make_loop(tiny.request_for(), catalogue.load("mine", settings), settings)
               if isinstance(one, Take)]  # fmt: skip
    assert take.sound.channels == 2


@pytest.mark.parametrize(("asked", "named"), [
    ({"chords": "Am F"}, "chords"), ({"stems": True}, "stems"), ({"layers": "drums,bass"}, "layers"),
    ({"mute": "lead"}, "mute"),
])  # fmt: skip
def test_what_needs_layers_is_refused_before_a_model_is_loaded(asked, named, folders, monkeypatch):
    """Large models load for minutes: the one that a service has loaded stays, too."""
    settings = Settings(device="cpu", models=folders["musicldm"].parent)
    jobs = ModelJobs(settings)
    jobs.prepare("ace-step-turbo", lambda *_: None)

    def load(*_):
        raise AssertionError("It was loaded.")

    monkeypatch.setattr(catalogue, "load", load)
    request = LoopRequest(model="musicldm", bars=1, **asked)
    with pytest.raises(BadRequestError, match=f"musicldm makes one sound without layers, so that {named} cannot"):
        list(jobs.run(request, None, lambda: False, lambda *_: None))
    with pytest.raises(ModelError, match="There is no model 'nowhere'"):
        list(jobs.run(LoopRequest(model="nowhere", bars=1), None, lambda: False, lambda *_: None))
    assert jobs.model == "ace-step-turbo"
    catalogue.check(LoopRequest(model="pocket", bars=1, **asked), settings)
