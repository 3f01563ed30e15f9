"""The committed requests of a bridge: which are open, whose messages are due again, which are old."""

import heapq
from collections.abc import Iterator

from .state import RequestPhase, RequestState

ENDED_SECONDS = 600.0  # how long an end can be asked for again
MAX_ENDED = 2_000
MAX_OPEN = 2_000  # requests without an end; with 4 kB for each that much memory, and nobody waits for more
PROGRESS_SECONDS = 0.15  # with the tick under 0.2: at least 5 a second, repeated if need be
MAX_REPEATED = 16  # requests whose progress is repeated: more are not made at once, only delivered
REPEATS_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)  # of an end that is not seen


class RequestBook:
    """Request states by id."""

    def __init__(self) -> None:
        self._states: dict[str, RequestState] = {}
        self._open: set[str] = set()  # ids of requests without an end

    def __iter__(self) -> Iterator[RequestState]:
        return iter(self._states.values())

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._states

    @property
    def busy(self) -> bool:
        """Whether anything needs the clock several times a second."""
        return bool(self._open) or any(state.repeat_at < float("inf") for state in self)

    @property
    def is_full(self) -> bool:
        """Whether no more requests may be under way."""
        return len(self._open) >= MAX_OPEN

    def get(self, request_id: str) -> RequestState | None:
        """Return a request's state, if it was committed and is not forgotten."""
        return self._states.get(request_id)

    def open(self, state: RequestState) -> RequestState:
        """Keep a request that has no end yet."""
        self._states[state.request_id] = state
        self._open.add(state.request_id)
        return state

    def drop(self, request_id: str) -> RequestState | None:
        """Forget a request at once: its id is free again."""
        self._open.discard(request_id)
        return self._states.pop(request_id, None)

    def end(self, state: RequestState, end: bytes, now: float) -> None:
        """Note a request's end; it is repeated until it is seen."""
        state.end_with(end, now, REPEATS_SECONDS[0])
        self._open.discard(state.request_id)

    def ends_due(self, now: float) -> Iterator[RequestState]:
        """Yield the requests whose end is due to be sent again, and set when it is due next."""
        for state in self:
            if now >= state.repeat_at:
                state.repeats += 1
                more = state.repeats < len(REPEATS_SECONDS)
                state.repeat_at = now + REPEATS_SECONDS[state.repeats] if more else float("inf")
                yield state

    def progress_due(self, now: float) -> Iterator[RequestState]:
        """Yield the requests whose progress is due to be sent again, of those with the newest progress."""
        states = (self._states[request_id] for request_id in self._open)
        made = (state for state in states if state.progress is not None and state.final is None)
        for state in heapq.nlargest(MAX_REPEATED, made, key=lambda state: state.progress_received):
            if now - state.progress_sent >= PROGRESS_SECONDS:
                yield state

    def forget_old(self, now: float) -> None:
        """Forget requests that ended more than `ENDED_SECONDS` ago, and the oldest beyond `MAX_ENDED`."""
        ended = sorted((state for state in self if state.phase is RequestPhase.ENDED), key=lambda one: one.ended_at)
        for place, state in enumerate(ended):
            if now - state.ended_at > ENDED_SECONDS or place < len(ended) - MAX_ENDED:
                del self._states[state.request_id]
