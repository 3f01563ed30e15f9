"""What tests of controls share: the registry comes back as it was, and a search of a few steps."""

from collections.abc import Callable

import pytest
from asking import Asking

from engine import controls
from engine.controls import registry
from engine.models.testing import TinyModel, tiny_noise
from engine.request import Budget, Control, Method
from engine.search import methods
from engine.search import objective as targets
from engine.search.minimize import minimize
from engine.search.report import Step


@pytest.fixture(autouse=True)
def _rows_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    controls.rows()
    monkeypatch.setattr(registry, "_rows", dict(registry._rows))
    monkeypatch.setattr(registry, "_seen_files", set())


@pytest.fixture
def searched(tiny: TinyModel, ask: Asking) -> Callable[[Control], list[Step]]:
    """Return fifteen steps of a search for one control on the toy."""

    def search(control: Control) -> list[Step]:
        request = ask.request(control, method=Method.DITTO, budget=Budget(steps=15))
        scene = tiny.scene(request)
        objective = targets.build(request, scene, tiny)
        return list(minimize(methods.plan(request, tiny, objective), objective, tiny, scene, tiny_noise(tiny, scene)))

    return search
