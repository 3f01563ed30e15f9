"""The engine's search steers pictures, too."""

import pytest
import torch

from benchmarks.papers import digits
from benchmarks.papers.baselines import digit_model
from benchmarks.papers.baselines.digit_model import DigitModel, Pictures
from benchmarks.rows import Rows
from engine.models.protocol import Model
from engine.request import Method


@pytest.fixture(scope="module")
def drawn() -> Pictures:
    """Two digits that anybody can draw: a bar in one of ten columns, in thick or thin ink."""
    draws = torch.Generator().manual_seed(0)
    which = torch.randint(0, 2, (256,), generator=draws)
    pixels = -torch.ones(256, 8, 8) + 0.1 * torch.randn(256, 8, 8, generator=draws)
    pixels[which == 0, :, 2:4] += 2
    pixels[which == 1, :, 5:7] += 2
    return Pictures(pixels, which)


@pytest.fixture(scope="module")
def model(drawn: Pictures) -> DigitModel:
    """A flow over those two."""
    return DigitModel(digit_model.flow(drawn, 400))


@pytest.mark.parametrize("method", [Method.DITTO_PAPER, Method.DITTO2])
def test_a_search_turns_one_picture_into_another(method, model: DigitModel, drawn: Pictures) -> None:  # type: ignore[no-untyped-def]
    """From a noise that gives one digit both searches end at the other, as the nearest true pictures say."""
    assert isinstance(model, Model)
    classifier = digit_model.classifier(drawn, 100)
    seed = next(seed for seed in range(20) if int(digit_model.judged(digits.free(model, seed), drawn)[0]) == 0)
    picture, steps = digits.made(model, digits.objective(1, classifier), method, seed)
    assert steps > 0
    found = digits.objective(1, classifier).losses(model.listen(picture, model.scene(None)), picture)  # type: ignore[arg-type]
    plain = digits.free(model, seed)
    first = digits.objective(1, classifier).losses(model.listen(plain, model.scene(None)), plain)  # type: ignore[arg-type]
    assert found["digit"] < first["digit"]
    if method is Method.DITTO2:
        assert int(digit_model.judged(picture, drawn)[0]) == 1


def test_the_digits_come_in_two_halves_or_with_a_sentence() -> None:
    """Model and judge never share a picture; without scikit-learn one is told how to get them."""
    pytest.importorskip("sklearn")
    own, known = digit_model.halves()
    assert len(own.digits) + len(known.digits) == 1797
    assert own.pixels.abs().max() <= 1


def test_the_table_has_a_line_for_each_method(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Means over the seeds, empty where a method has not been run."""
    rows = Rows(tmp_path / "rows.json")
    rows.put("ditto2/0", {"judged": 100.0, "classified": 100.0, "nearest": 2.0, "moved": 1.0, "steps": 5})
    body = digits.table(rows).body
    assert [line[0] for line in body] == list(digits.METHODS)
    assert body[-1][2].startswith("100")
