"""Who is next: requests in order, interactive before batch, the newest of a slot in place of the older."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request in the queue; `slot` is empty for one that replaces nothing."""

    request_id: str
    owner: str
    slot: str = ""
    interactive: bool = True


class RequestQueue:
    """The queue and what is being worked on, without I/O or clock."""

    def __init__(self) -> None:
        self._queues: dict[bool, dict[str, Waiting]] = {True: {}, False: {}}
        self._running: dict[str, Waiting] = {}
        self._newest: dict[tuple[str, str], str] = {}  # owner and slot -> the request that has it

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    @property
    def running(self) -> tuple[Waiting, ...]:
        """The requests that workers have now."""
        return tuple(self._running.values())

    def add(self, item: Waiting) -> tuple[str, ...]:
        """Queue `item`; return the ids in its owner's slot that it replaces, which are no longer queued."""
        self._queues[item.interactive][item.request_id] = item
        if not item.slot:
            return ()
        replaced = self._newest.get((item.owner, item.slot))
        self._newest[item.owner, item.slot] = item.request_id
        if replaced is None or replaced == item.request_id:
            return ()
        self.remove(replaced)
        return (replaced,)

    def put_back(self, request_id: str) -> None:
        """Return a running request to the head of its queue."""
        item = self._running.pop(request_id)
        queue = self._queues[item.interactive]
        self._queues[item.interactive] = {request_id: item, **queue}

    def take(self) -> Waiting | None:
        """Move the next request to the running ones and return it."""
        for queue in (self._queues[True], self._queues[False]):
            if queue:
                item = queue.pop(next(iter(queue)))
                self._running[item.request_id] = item
                return item
        return None

    def position(self, request_id: str) -> int:
        """Return how many requests are before this one."""
        before = 0
        for queue in (self._queues[True], self._queues[False]):
            if queue and request_id == next(reversed(queue)):  # as it is when it has just come
                return before + len(queue) - 1
            if request_id in queue:
                return before + list(queue).index(request_id)
            before += len(queue)
        return 0

    def preemptible(self) -> Waiting | None:
        """Return a running batch request when an interactive one waits."""
        if not self._queues[True]:
            return None
        return next((item for item in self._running.values() if not item.interactive), None)

    def remove(self, request_id: str) -> bool:
        """Forget a waiting request; False if it was not waiting."""
        found = self._queues[True].pop(request_id, None) or self._queues[False].pop(request_id, None)
        self._leave_slot(found)
        return found is not None

    def done(self, request_id: str) -> None:
        """Forget a running request."""
        self._leave_slot(self._running.pop(request_id, None))

    def _leave_slot(self, item: Waiting | None) -> None:
        if item is not None and self._newest.get((item.owner, item.slot)) == item.request_id:
            del self._newest[item.owner, item.slot]
