"""`bench`: the same request everywhere, and figures that add up."""

from dataclasses import asdict

from bridge.cli.commands.bench import example, in_words, measure
from engine.models.testing import TinyModel
from engine.settings import Settings


def test_the_request_is_the_same_everywhere() -> None:
    """But for its id: two computers are compared on the same noise, curve and length."""
    one, two = (example("pocket", 5) for _ in range(2))
    assert (one.controls, one.seed, one.samples, one.budget) == (two.controls, two.seed, two.samples, two.budget)
    assert (one.seconds, one.budget.until_tolerance) == (8.0, False)


def test_the_figures_add_up(settings: Settings) -> None:
    """The search and what comes round it are the whole; every figure has its line."""
    figures = measure(TinyModel(sample_rate=8_000), settings, 4, load_seconds=0.5)
    search = figures.steps * figures.step_milliseconds / 1000
    assert abs(search + figures.finish_seconds - figures.total_seconds) < 0.02
    assert 0 < figures.first_step_seconds <= figures.total_seconds
    assert figures.steps >= 4
    assert (figures.model, figures.load_seconds) == ("tiny", 0.5)
    assert len(in_words(figures).splitlines()) == len(asdict(figures))
