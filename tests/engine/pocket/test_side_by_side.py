"""Work side by side is the same work."""

import threading

import pytest
import torch

from engine.pocket.waveform.side_by_side import side_by_side

CPU = torch.device("cpu")


@pytest.mark.parametrize("items", [1, 7])
@pytest.mark.parametrize(("beside", "threads"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2)])
def test_each_has_its_answer_in_its_place(
    beside: int, threads: int, items: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, without a gradient, and torch computes with as many threads afterwards as before."""
    monkeypatch.setattr(torch, "get_num_interop_threads", lambda: beside)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        given = [torch.full((2,), float(number), requires_grad=True) for number in range(items)]
        found = side_by_side(lambda one: (one * 2, torch.get_num_threads()), given, CPU)
        assert [float(one[0]) for one, _ in found] == [2 * number for number in range(items)]
        assert not any(one.requires_grad for one, _ in found)
        assert {count for _, count in found} == {1}
        assert torch.get_num_threads() == threads
        fresh: list[int] = []
        later = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
        later.start()
        later.join()
        assert fresh == [threads]
    finally:
        torch.set_num_threads(before)


def test_a_fault_reaches_who_asked() -> None:
    """The error of one of them, as it was raised."""

    def refuse(number: int) -> int:
        raise ValueError(number)

    with pytest.raises(ValueError, match="3"):
        side_by_side(refuse, [3, 3], CPU)
