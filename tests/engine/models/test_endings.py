"""Loops have no ending: models that compose one are told a longer piece, and what fades all the same is said."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import Take
from engine.metrics.ending import HEARD_DB, ending_drop_db, remarks
from engine.models.hardware import Place
from engine.models.protocol import ModelCard, Scene, Schedule
from engine.models.span import LOOP_WORDS, Span, caption, named_seconds, prompted, span_of
from engine.models.waveform import WaveformModel
from engine.pipeline import make_loop
from engine.request import Budget, Control, Curve, LoopRequest, Point
from engine.settings import Settings

RATE = 8_000


class Composer(WaveformModel):
    """A toy that composes an ending: the last tenth of the piece that it is told fades to silence."""

    def __init__(self, named_times: float) -> None:
        card = ModelCard(
            name="composer", licence="MIT", page="here", parameters_millions=0, sample_rate=RATE, channels=2,
            circular=False, sampler="ddim", surrogate_steps=1, decode_steps=1, max_seconds=64,
        )  # fmt: skip
        super().__init__(card, Place(torch.device("cpu"), torch.float32, torch.float32), 80)
        self.named_times = named_times

    def noise_shape(self, frames: int) -> tuple[int, ...]:
        return (2, frames)

    def condition(self, request: LoopRequest, span: Span) -> float:
        return self.named_seconds(request, span)

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        return Schedule.flow(torch.linspace(1, 0, steps + 1)[:-1])

    def denoise(self, latent: torch.Tensor, time: torch.Tensor, scene: Scene, *, until: Any = None) -> torch.Tensor:
        return latent

    def sound(self, latent: torch.Tensor, scene: Scene) -> torch.Tensor:
        seconds = torch.arange(scene.model_samples) / RATE
        left = (scene.inputs - seconds) / (0.1 * scene.inputs)
        tone = torch.sin(2 * torch.pi * 50 * seconds) * left.clamp(0, 1) ** 2
        return tone.expand(len(latent), 2, -1)

    def latent(self, audio: torch.Tensor, circular: bool) -> torch.Tensor:
        return audio[..., ::80]


def take_of(times: float, **given: object) -> Take:
    """Return the loop that the toy makes when it is told `times` its length."""
    request = LoopRequest(**({"tempo_bpm": Fraction(120), "bars": 4, "method": "none", "sample_rate": RATE} | given))  # type: ignore[arg-type]
    events = make_loop(request, Composer(times), Settings(device="cpu"))
    return next(event for event in events if isinstance(event, Take))


def drop_of(take: Take) -> float:
    """Return by how much the last seconds are quieter."""
    return ending_drop_db(np.frombuffer(take.sound.samples, "<f4").reshape(-1, 2).T, RATE)


def test_a_model_told_the_loops_length_fades_and_one_told_three_times_that_does_not() -> None:
    """Trial 2: told its own length the toy's last two seconds fade by over 3 dB; told three times that they do not."""
    assert drop_of(take_of(1.0, bars=8)) > HEARD_DB
    assert abs(drop_of(take_of(3.0, bars=8))) < 0.1


@pytest.mark.parametrize("bars", [1, 2, 8])
@pytest.mark.parametrize("tempo", [90, 128, 174])
def test_no_length_of_a_loop_meets_the_ending(bars: int, tempo: int) -> None:
    """Trial 2's relative: at any tempo and length the end of the loop is as loud as the rest."""
    assert abs(drop_of(take_of(3.0, bars=bars, tempo_bpm=Fraction(tempo)))) < 0.2


def test_what_is_no_loop_may_end() -> None:
    """Trial 2's relative: a piece that is asked not to loop is told its own length, ending and all."""
    assert drop_of(take_of(3.0, loop=False)) > 1.0


@pytest.mark.parametrize("name", ["stable-audio", "stable-audio-3", "stable-audio-3-base", "ace-step-turbo"])
@pytest.mark.parametrize(("loop", "times"), [(True, 3.0), (False, 1.0)])
@pytest.mark.filterwarnings("ignore:.*:FutureWarning:diffusers")
def test_each_adapter_names_a_loop_three_times_longer(
    models: Any, tiny: Any, monkeypatch: pytest.MonkeyPatch, name: str, loop: bool, times: float
) -> None:
    """Trial 2: Stable Audio Open and 3 and ACE-Step are told three times the loop's length, and a piece its own."""
    model, told = models[name], []
    pipe = model._pipe
    if name.startswith("ace"):
        own = pipe.encode_prompt
        monkeypatch.setattr(
            pipe, "encode_prompt", lambda **given: (told.append(given["audio_duration"]), own(**given))[1]
        )
    else:
        own = pipe.encode_duration
        place = 1 if name == "stable-audio" else 0
        monkeypatch.setattr(pipe, "encode_duration", lambda *given: (told.append(given[place]), own(*given))[1])
    request = tiny.request_for(loop=loop, bars=2)
    scene = model.scene(request)
    assert told == [pytest.approx(times * scene.model_samples / model.card.sample_rate)]


@given(st.integers(1, 16), st.integers(20, 999), st.floats(1, 5), st.floats(1, 200), st.booleans())
def test_a_length_is_never_told_shorter_nor_beyond_the_longest(
    bars: int, tempo: int, times: float, longest: float, loop: bool
) -> None:
    """Trial 2's kind: between the piece's own length and the longest that the model knows."""
    request = LoopRequest(bars=bars, tempo_bpm=Fraction(tempo), loop=loop)
    span = span_of(request, 44_100, 2048)
    told = named_seconds(request, span, times, longest)
    assert span.seconds <= told <= max(span.seconds, longest, 0)
    assert loop or told == span.seconds


@settings(max_examples=100)
@given(st.integers(1_000, 40_000), st.floats(0, 40))
def test_the_drop_is_what_was_taken_away(samples: int, drop_db: float) -> None:
    """Item 7: noise whose last two seconds (at most a quarter) are so much quieter measures as that."""
    audio = np.random.default_rng(samples).choice([-0.5, 0.5], (2, samples))
    last = max(1, min(2 * RATE, round(samples / 4)))
    audio[:, -last:] *= 10 ** (-drop_db / 20)
    assert ending_drop_db(audio, RATE) == pytest.approx(drop_db, abs=1e-6)


def test_a_fade_that_nobody_asked_for_is_said() -> None:
    """Item 7: the level of the last two seconds is measured and told with the take, unless a curve asked for it."""
    audio = np.full((2, 8 * RATE), 0.5)
    audio[:, -2 * RATE :] *= 0.5
    request = LoopRequest(bars=4, tempo_bpm=Fraction(120), sample_rate=RATE)
    assert remarks(audio, request) == ("The last 2.0 s are 6 dB quieter than the rest, as in the end of a piece.",)
    curve = Curve(points=(Point(beat=Fraction(0), value=-20.0), Point(beat=Fraction(16), value=-40.0)))
    asked = LoopRequest(
        bars=4, tempo_bpm=Fraction(120), sample_rate=RATE, controls=(Control(kind="intensity", target=curve),)
    )
    assert remarks(audio, asked) == ()
    assert remarks(audio, LoopRequest(bars=4, sample_rate=RATE, loop=False)) == ()
    assert remarks(audio[:, : 4 * RATE], request) == ()
    assert HEARD_DB == 3.0


def test_a_take_tells_of_its_ending() -> None:
    """Item 7: what fades by more than 3 dB has a note; what does not has none."""
    assert any("The last 2.0 s are" in note for note in take_of(1.0, bars=8).notes)
    assert not any("quieter" in note for note in take_of(3.0, bars=8).notes)


def test_words_that_ask_for_a_loop_are_an_option() -> None:
    """Item 7: off as long as nobody has measured that they help; they go behind the prompt of loops only."""
    request = LoopRequest(prompt="dub", budget=Budget())
    assert prompted(request) == "dub"
    assert prompted(request, loop_words=True) == f"dub, {LOOP_WORDS}"
    assert LOOP_WORDS in caption(request, loop_words=True)
    assert prompted(LoopRequest(prompt="dub", loop=False), loop_words=True) == "dub"
    assert prompted(LoopRequest()) == ""
    assert Settings().loop_words is False


def test_the_option_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Item 7: DITTO_LOOP_WORDS=on."""
    monkeypatch.setenv("DITTO_LOOP_WORDS", "on")
    assert Settings().loop_words is True
