"""Frames between clients and engine: everything survives, and only ours is let in."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadRequestError
from engine.events import Done, Preview, Sound, Stems, Take
from engine.request import LoopRequest
from engine.service import messages
from engine.service.messages import (
    AckEnd,
    AckTake,
    Cancel,
    EngineState,
    EventMessage,
    Hello,
    Job,
    Message,
    Priority,
    RequestStatus,
    Resend,
    Status,
    Submission,
)

SOUND = Sound(samples=bytes(range(16)), sample_rate=44_100)
REQUEST = LoopRequest(prompt="x", request_id="r1")
ALL: list[Message] = [
    Hello(owner="a", resume=True),
    Submission(request=REQUEST, owner="a", tag="t", priority=Priority.BATCH),
    Cancel(request_id="r1", owner="a"),
    AckTake(request_id="r1", owner="a", take=3),
    AckEnd(request_id="r1", owner="a"),
    Resend(request_id="r1", owner="a"),
    Job(request=REQUEST, tag="t", created=1.0, finished=True),
    Status(engine_id="e", version="1", state=EngineState.READY, yours={"r1": RequestStatus.QUEUED}),
    EventMessage(event=Done(request_id="r1", takes=1)),
    EventMessage(
        event=Take(request_id="r1", take=0, sound=SOUND, scores={"a": None}, noise=b"n", record={"x": {"y": [1.5]}})
    ),
    EventMessage(event=Preview(request_id="r1", take=0, step=1, sound=SOUND)),
    EventMessage(event=Stems(request_id="r1", take=0, layers=("bass",), samples=SOUND.samples, sample_rate=44_100)),
]


@pytest.mark.parametrize("message", ALL, ids=lambda message: type(message).__name__)
def test_what_is_packed_is_unpacked(message: Message) -> None:
    """Every message survives, audio in a frame of its own."""
    frames = messages.pack(message)
    assert messages.unpack(frames) == message
    carries_sound = isinstance(message, EventMessage) and isinstance(message.event, Take | Preview | Stems)
    assert len(frames) == 3 + carries_sound
    assert not carries_sound or frames[3] == SOUND.samples


@pytest.mark.parametrize(
    "frames",
    [
        [], [b""], [b"ditto0", b"hello", b"\x80"], [messages.VERSION], [messages.VERSION, b"hello"],
        [messages.VERSION, b"what", b""], [messages.VERSION, b"hello", b"\xc1"],
        [messages.VERSION, b"hello", b"\x81\xa5owner\xa3../"],
        [*messages.pack(Hello(owner="a")), b"more"],
        messages.pack(ALL[9])[:3], [messages.VERSION] * 9,
    ],
)  # fmt: skip
def test_what_is_not_ours_is_refused(frames: list[bytes]) -> None:
    """Other versions, kinds, counts of frames and bodies raise one error, with a sentence."""
    with pytest.raises(BadRequestError, match=r".+"):
        messages.unpack(frames)


@settings(max_examples=300)
@given(st.sampled_from(ALL), st.integers(0, 3), st.integers(0, 500), st.integers(0, 255))
def test_mutated_frames_raise_only_our_error(message: Message, frame: int, place: int, value: int) -> None:
    """A changed byte anywhere is read as something valid, or refused."""
    frames = [bytearray(part) for part in messages.pack(message)]
    if (chosen := frames[frame % len(frames)]) != b"":
        chosen[place % len(chosen)] = value
    with contextlib.suppress(BadRequestError):
        assert type(messages.unpack([bytes(part) for part in frames])) in messages.KINDS.values()


def test_stems_are_sounds_by_their_layer() -> None:
    """The samples of stems are those of each layer one after the other, each as a sound has them."""
    both = Stems(request_id="r1", take=0, layers=("drums", "bass"), samples=bytes(range(32)), sample_rate=8_000)
    assert {name: sound.samples for name, sound in both.sounds.items()} == {
        "drums": bytes(range(16)), "bass": bytes(range(16, 32)),
    }  # fmt: skip
