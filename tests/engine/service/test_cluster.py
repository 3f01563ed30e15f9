"""A Ray cluster that is not there, seen from the engine; `test_executor` has one that is."""

from types import SimpleNamespace

import pytest

from engine.errors import EngineUnavailableError
from engine.service.workers import cluster
from engine.service.workers.worker_options import WorkerOptions
from engine.settings import Settings


@pytest.mark.parametrize(
    "refusal",
    [
        ConnectionError("Could not find any running Ray instance.\nAnd much more."),
        RuntimeError("Version mismatch: the cluster was started with Ray 2.9."),
        ValueError("'nonsense' is no address"),
    ],
)
def test_a_cluster_that_cannot_be_joined_is_one_sentence(monkeypatch: pytest.MonkeyPatch, refusal: Exception) -> None:
    """Whatever Ray raises: what it said first, and what to look at."""

    def init(**_: object) -> None:
        raise refusal

    monkeypatch.setattr(cluster, "_ray", lambda: SimpleNamespace(is_initialized=lambda: False, init=init))
    with pytest.raises(EngineUnavailableError) as found:
        cluster.RayExecutor(WorkerOptions.of(Settings())).start(lambda _: None)
    assert str(refusal).splitlines()[0] in found.value.sentence
    assert "\n" not in found.value.sentence
    assert "ray start" in found.value.remedy


def test_an_address_at_which_nothing_answers_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray itself tries for minutes; it is not even asked."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    monkeypatch.setattr(cluster, "_ray", lambda: SimpleNamespace(is_initialized=lambda: False))
    with pytest.raises(EngineUnavailableError, match=r"cannot be joined: .*refused"):
        cluster.RayExecutor(WorkerOptions.of(Settings())).start(lambda _: None)
