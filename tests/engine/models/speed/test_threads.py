"""Threads are measured once for a computer, kept in its data folder, and overridden by a setting."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch

from engine.errors import BadInputError
from engine.models.speed import threads
from engine.settings import Settings


@pytest.fixture
def unset(tmp_path: Path) -> Settings:
    """Return settings that leave the number of threads to the measurement."""
    return Settings(home=tmp_path / "home", threads=0)


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """Leave torch with the threads that it had."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("cores", "counts"), [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (8, [1, 2, 4, 8])])
def test_few_counts_are_tried(cores: int, counts: list[int]) -> None:
    """One, doubled until the cores are used up, and all cores."""
    assert threads.candidates(cores) == counts


def test_it_is_measured_once(unset: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time the kept file answers; the quickest count is taken where it is worth its cores."""
    times = {1: 10.0, 2: 6.0, 4: 5.9}
    monkeypatch.setattr(threads, "candidates", lambda _cores: [1, 2, 4])
    monkeypatch.setattr(threads, "_milliseconds", times.pop)
    assert threads.use_threads(unset) == 2
    assert times == {}
    assert torch.get_num_threads() == 2
    assert threads.measured(unset).milliseconds == {1: 10.0, 2: 6.0, 4: 5.9}


def test_another_processor_and_a_damaged_file_are_measured_anew(
    unset: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data folder may move to another computer, and a file may be half written by another program."""
    monkeypatch.setattr(threads, "_milliseconds", float)
    first = threads.measured(unset)
    monkeypatch.setattr(threads, "processor", lambda: "another one")
    assert threads.measured(unset).processor == "another one"
    (unset.home / threads.FILE).write_text('{"threads": ', encoding="utf-8")
    assert threads.measured(unset).threads == first.threads == 1


def test_a_setting_overrides_the_measurement(unset: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured, and nothing kept, where the number is given; the worker is told it, too."""
    monkeypatch.setattr(threads, "measured", pytest.fail)
    assert threads.use_threads(replace(unset, threads=3)) == 3
    monkeypatch.setenv("DITTO_THREADS", "5")
    assert Settings().threads == 5
    monkeypatch.setenv("DITTO_THREADS", "many")
    with pytest.raises(BadInputError, match="DITTO_THREADS is 'many', which is no number of threads"):
        Settings()
    monkeypatch.delenv("DITTO_THREADS")
    monkeypatch.setenv("OMP_NUM_THREADS", "4,2")  # for nested threads: allowed, and no number for us
    assert Settings().threads == 0


@pytest.mark.parametrize("number", ["257", "100000", "9" * 30, "²", "-1", "1.5"])
def test_a_number_that_no_computer_has_is_refused(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    """So many threads end the process without a word; of the variable that others read too, it is passed over."""
    monkeypatch.delenv("DITTO_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", number)
    assert Settings().threads == 0
    monkeypatch.setenv("DITTO_THREADS", number)
    with pytest.raises(BadInputError, match=r"DITTO_THREADS is '.*', which is no number of threads") as refused:
        Settings()
    assert "up to 256" in refused.value.remedy


def test_a_stored_number_that_was_not_measured_is_measured_anew(
    unset: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged file starts no hundred thousand threads."""
    monkeypatch.setattr(threads, "_milliseconds", float)
    found = threads.measured(unset)
    damaged = msgspec.structs.replace(found, threads=100_000)
    (unset.home / threads.FILE).write_bytes(msgspec.json.encode(damaged))
    assert threads.measured(unset) == found


@pytest.mark.parametrize("name", ["DITTO_RECOMPUTE", "DITTO_LOOP_WORDS"])
def test_a_switch_is_on_or_off(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Another word is refused, since it would silently be one of the two; empty is as if it were not there."""
    field = name.removeprefix("DITTO_").lower()
    monkeypatch.delenv(name, raising=False)
    usual = getattr(Settings(), field)
    for word, value in (("", usual), (" ", usual), ("on", True), ("OFF", False)):
        monkeypatch.setenv(name, word)
        assert getattr(Settings(), field) is value
    monkeypatch.setenv(name, "maybe")
    with pytest.raises(BadInputError, match=f"{name} is 'maybe'; it may be on or off"):
        Settings()


def test_an_empty_way_to_compile_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the other variables, empty is as if it were not there."""
    monkeypatch.setenv("DITTO_COMPILE", "")
    assert Settings().compile == "off"


def test_a_step_can_be_timed(unset: Settings) -> None:
    """The real measurement on this computer gives a time for each count, and leaves torch as it was."""
    before, state = torch.get_num_threads(), torch.get_rng_state()
    found = threads.measure(threads.processor())
    assert all(milliseconds > 0 for milliseconds in found.milliseconds.values())
    assert found.threads in found.milliseconds
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_a_measurement_that_cannot_be_kept_costs_no_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home that cannot be written, as in a container, is no reason to make nothing."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(threads, "candidates", lambda _cores: [1, 2])
    monkeypatch.setattr(threads, "_milliseconds", {1: 10.0, 2: 6.0}.__getitem__)
    assert threads.use_threads(Settings(home=tmp_path / "file" / "home", threads=0)) == 2
