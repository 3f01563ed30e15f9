"""Datagrams to a device, from the engine's events and from takes on disk."""

from collections.abc import Iterator

from engine.events import Accepted, Cancelled, Done, Failed, Progress, Scores, Superseded
from engine.request import Curve
from engine.service.messages import Status

from ..session.effects import Delivered
from .assembly import Missing
from .codec import OscError, encode

MAX_NOTES = 12  # sentences in one datagram, as far as they fit
MAX_SCORES = 24
MAX_POINTS = 300  # of a lane in one datagram
MAX_INDICES = 500  # chunk numbers in one request for missing ones

End = Done | Cancelled | Superseded | Failed


def welcome(protocol: int, nonce: str, bridge_id: str, version: str) -> bytes:
    """Return the answer to hello, in the version of the protocol that the device speaks."""
    return encode("/ditto/welcome", (protocol, nonce, bridge_id, version))


def state(status: Status | None, failure: str = "") -> bytes:
    """Return the message with the engine's state; `None` means that it does not answer, for the reason in `failure`."""
    if status is None:
        sentence = failure or "No engine answers. Start it with `ditto-live serve`."
        return encode("/ditto/state", ("no_engine", -1.0, sentence, "", 0))
    values = (status.state, max(-1.0, min(1.0, status.fraction)), status.sentence, status.model, status.queued)
    return encode("/ditto/state", values)


def missing(request_id: str, lost: Missing) -> bytes:
    """Return the message that asks for lost pieces again."""
    part, control, indices = lost
    return encode("/ditto/missing", (request_id, part, control), [(index,) for index in indices[:MAX_INDICES]])


def accepted(event: Accepted, notes: tuple[str, ...]) -> bytes:
    """Return the message that a request is on disk, with as many sentences as fit, each once."""
    sentences = [(note,) for note in dict.fromkeys((*notes, *event.notes))][:MAX_NOTES]
    while True:
        try:
            return encode("/ditto/accepted", (event.request_id, event.queue_position), sentences)
        except OscError:
            if not sentences:
                raise
            sentences.pop()


def progress(event: Progress, seconds_left: float) -> bytes:
    """Return the message on how far a request is; losses that are not finite are left out."""
    losses = [(name, float(loss)) for name, loss in event.losses.items() if abs(loss) < 1e38]
    values = (event.request_id, event.phase, event.take, event.step, event.steps, max(-1.0, seconds_left))
    return encode("/ditto/progress", values, losses[:MAX_SCORES])


def preview(request_id: str, take: int, step: int, path: str) -> bytes:
    """Return the message with the path of an early listen."""
    return encode("/ditto/preview", (request_id, take, step, path))


def take(request_id: str, made: Delivered) -> bytes:
    """Return the message with a take's path, facts and scores."""
    values = (
        request_id,
        made.take,
        made.take_id,
        made.path,
        made.bars,
        made.tempo_bpm,
        made.time_signature,
        made.samples,
        made.sample_rate,
        " ".join(made.notes),
    )
    try:
        return encode("/ditto/take", values, _scores(made.scores))
    except OscError:  # too long a path for the rest to fit
        return encode("/ditto/take", (*values[:-1], ""))


def landed(request_id: str, made: Delivered) -> Iterator[bytes]:
    """Yield the messages with the paths of a take and of each of its stems."""
    yield take(request_id, made)
    for layer, path in made.stems:
        yield encode("/ditto/stem", (made.take_id, layer, path))


def end(event: End, takes: dict[int, Delivered]) -> bytes:
    """Return the message that ends a request; `takes` are its takes on disk by number."""
    match event:
        case Done():
            return _done(event, takes)
        case Cancelled():
            return encode("/ditto/cancelled", (event.request_id, len(takes)))
        case Superseded():
            return encode("/ditto/superseded", (event.request_id, event.by))
        case Failed():
            return error(event.request_id, event.code, event.sentence, event.remedy)


def _done(event: Done, takes: dict[int, Delivered]) -> bytes:
    best = takes.get(event.best) or next(iter(takes.values()), None)
    if best is None:
        return error(event.request_id, "no_takes", "The request ended without a take.", "Ask again with a new id.")
    values = (event.request_id, len(takes), best.take, best.take_id, best.path, best.bars, best.tempo_bpm)
    return encode("/ditto/done", values, _scores(best.scores))


def lane_curve(nonce: str, beats: str, mark: int, curve: Curve) -> Iterator[bytes]:
    """Yield a watched lane in chunks."""
    points = [(float(point.beat), point.value) for point in curve.points]
    chunks = max(1, -(-len(points) // MAX_POINTS))
    for index in range(chunks):
        part = points[index * MAX_POINTS : (index + 1) * MAX_POINTS]
        yield encode("/ditto/lane/curve", (nonce, beats, mark, curve.unit, index, chunks), part)


def error(request_id: str, code: str, sentence: str, remedy: str) -> bytes:
    """Return the message of an error; `request_id` is empty where it concerns no request."""
    return encode("/ditto/error", (request_id, code or "error", sentence, remedy))


def _scores(scores: Scores) -> list[tuple[str, float]]:
    known = ((name, float(value)) for name, value in scores.items() if value is not None)
    return [(name, value) for name, value in known if abs(value) < 1e38][:MAX_SCORES]
