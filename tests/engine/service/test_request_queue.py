"""The queue: interactive first, order kept, newest of a slot wins."""

from hypothesis import given
from hypothesis import strategies as st

from engine.service.queue.request_queue import RequestQueue, Waiting

ITEMS = st.lists(
    st.builds(Waiting, st.uuids().map(str), st.sampled_from("ab"), st.sampled_from(["", "x", "y"]), st.booleans()),
    unique_by=lambda item: item.request_id,
    max_size=30,
)


@given(ITEMS)
def test_interactive_come_first_and_order_is_kept(items: list[Waiting]) -> None:
    """Among what is left after slots, interactive ones go first, each kind in the order that it came."""
    queue, left = RequestQueue(), {}
    for item in items:
        for gone in queue.add(item):
            del left[gone]
        left[item.request_id] = item
    expected = [i for kind in (True, False) for i in left.values() if i.interactive is kind]
    assert [queue.take() for _ in expected] == expected
    assert queue.take() is None


@given(ITEMS)
def test_at_most_one_of_a_slot_waits(items: list[Waiting]) -> None:
    """However many are asked for, one request of each owner's slot is left, the newest."""
    queue, newest = RequestQueue(), {}
    for item in items:
        queue.add(item)
        newest[item.owner, item.slot] = item
    left = [item for item in iter(queue.take, None) if item.slot]
    assert {(item.owner, item.slot): item for item in left} == {k: v for k, v in newest.items() if k[1]}


@given(ITEMS)
def test_a_position_is_how_many_are_taken_before(items: list[Waiting]) -> None:
    """What a producer is told when asking is what happens if nobody asks for more."""
    queue = RequestQueue()
    for item in items:
        queue.add(item)
    told = {item.request_id: queue.position(item.request_id) for item in items}
    for place, item in enumerate(iter(queue.take, None)):
        assert told[item.request_id] == place


def test_a_running_request_of_the_slot_is_replaced_too() -> None:
    """A redraw while the last one is being made stops that one."""
    queue = RequestQueue()
    queue.add(Waiting("1", "a", "x"))
    queue.take()
    assert queue.add(Waiting("2", "a", "x")) == ("1",)


def test_a_batch_gives_way_to_a_redraw() -> None:
    """While a batch request runs and an interactive one waits, the batch one should step back."""
    queue = RequestQueue()
    queue.add(Waiting("batch", "a", interactive=False))
    queue.take()
    assert queue.preemptible() is None
    queue.add(Waiting("redraw", "a"))
    assert queue.preemptible() == Waiting("batch", "a", interactive=False)


def test_what_is_put_back_is_next() -> None:
    """A request that lost its worker does not go to the end of the queue."""
    queue = RequestQueue()
    for name in "123":
        queue.add(Waiting(name, "a"))
    queue.take()
    queue.put_back("1")
    assert queue.position("1") == 0
    assert queue.position("3") == 2
    assert [item.request_id for item in iter(queue.take, None)] == ["1", "2", "3"]
