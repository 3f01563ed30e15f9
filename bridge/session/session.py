"""What the bridge knows of devices and their requests, without I/O: something happens, effects come out.

    messages -> Assembly -> Prepare -> Submit -> Accepted -> Progress ... -> WriteTake -> take, done -> seen

Whatever a device may have missed is said again: a repeated commit is answered with all there is to say, and
an end is repeated with its takes until it is seen. Times are seconds of a steady clock.
"""

import heapq
from collections.abc import Callable, Iterator

from engine.errors import DittoError
from engine.events import Accepted, Event, Final, Preview, Progress, Take
from engine.request import LoopRequest
from engine.service.messages import Job, Priority, Status

from ..osc import outgoing
from ..osc.addresses import PROTOCOL_VERSION
from ..osc.assembly import Assembly
from ..osc.codec import OscError, OscMessage
from .effects import (
    Acknowledge,
    CancelJob,
    Delivered,
    DropPreviews,
    Effect,
    Favourite,
    FindTakes,
    Prepare,
    Send,
    Submit,
    WritePreview,
    WriteTake,
)
from .track import Device, Track

DEVICE_SECONDS = 30.0  # a device says hello every 5
ASSEMBLY_SECONDS = 120.0  # then what was never committed is dropped
ENDED_SECONDS = 600.0  # how long an end can be asked for again
MAX_DEVICES = 256
MAX_ASSEMBLIES = 256
MAX_ENDED = 2_000
MAX_OPEN = 2_000  # requests without an end; with 4 kB for each that much memory, and nobody waits for more
TIDY_SECONDS = 1.0  # between two looks for what is old
PROGRESS_SECONDS = 0.15  # with the tick under 0.2: at least 5 a second, repeated if need be
MOST_SLOW = 16  # requests whose progress is repeated: more are not made at once, only delivered
FASTEST_PROGRESS_SECONDS = 0.03
REPEATS_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)  # of an end that is not seen


class Session:
    """All devices of one bridge. Methods are called with what happened and yield effects."""

    def __init__(self, bridge_id: str, version: str) -> None:
        self._bridge_id = bridge_id
        self._version = version
        self._devices: dict[str, Device] = {}
        self._assemblies: dict[str, Assembly] = {}
        self._tracks: dict[str, Track] = {}
        self._open: set[str] = set()  # tracks without an end
        self._status: Status | None = None
        self._tidied = float("-inf")
        self._answers: dict[str, Callable[[OscMessage, str, float], Iterator[Effect]]] = {
            "/ditto/hello": self._hello,
            "/ditto/bye": self._bye,
            "/ditto/loop/begin": self._begin,
            "/ditto/loop/set": self._set,
            "/ditto/loop/curve": self._chunk,
            "/ditto/loop/notes": self._chunk,
            "/ditto/loop/onsets": self._chunk,
            "/ditto/loop/commit": self._commit,
            "/ditto/loop/cancel": self._cancel,
            "/ditto/seen": self._seen,
            "/ditto/take/favourite": self._favourite,
        }

    @property
    def busy(self) -> bool:
        """Whether anything needs the clock several times a second."""
        return bool(self._open) or any(track.repeat_at < float("inf") for track in self._tracks.values())

    # -- from devices

    def receive(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        """Take in one checked message; raises `OscError` for what has no meaning here."""
        yield from self._answers[message.path](message, host, now)

    def _hello(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        protocol, instance, nonce, port = message.values
        if protocol != PROTOCOL_VERSION:
            sentence = f"The device speaks version {protocol} of the protocol, this bridge {PROTOCOL_VERSION}."
            remedy = "Run `ditto-live install-device`, and put the new device on the track."
            yield Send(host, int(port), outgoing.error("", "protocol", sentence, remedy))
            return
        if nonce not in self._devices and len(self._devices) >= MAX_DEVICES:
            del self._devices[min(self._devices.values(), key=lambda device: device.seen).nonce]
        device = self._devices[str(nonce)] = Device(str(instance), str(nonce), host, int(port), now)
        yield Send(host, device.port, outgoing.welcome(device.nonce, self._bridge_id, self._version))
        yield Send(host, device.port, outgoing.state(self._status))
        yield from self._adopt(device, now)

    def _adopt(self, device: Device, now: float) -> Iterator[Effect]:
        """Give a device the requests of its instance whose own session is gone (a restart, a reload)."""
        for track in self._tracks.values():
            if track.instance == device.instance and track.nonce not in self._devices:
                track.nonce = device.nonce
                if not track.seen:
                    yield from self._tell(track, *track.said())

    def _bye(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        self._devices.pop(str(message.values[0]), None)
        yield from ()

    def _assembly(self, request_id: str, now: float) -> Assembly | None:
        """Return what has arrived of a request, or None when it is committed already."""
        if request_id in self._tracks:
            return None
        if request_id not in self._assemblies and len(self._assemblies) >= MAX_ASSEMBLIES:
            del self._assemblies[min(self._assemblies, key=lambda name: self._assemblies[name].born)]
        return self._assemblies.setdefault(request_id, Assembly(now))

    def _begin(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id, nonce = map(str, message.values)
        if assembly := self._assembly(request_id, now):
            assembly.begin(nonce)
        yield from ()

    def _set(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id, name, value = map(str, message.values)
        if assembly := self._assembly(request_id, now):
            assembly.set(name, value)
        yield from ()

    def _chunk(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        if assembly := self._assembly(str(message.values[0]), now):
            assembly.add(message)
        yield from ()

    def _commit(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id, nonce = str(message.values[0]), str(message.values[1])
        device = self._devices.get(nonce)
        if device is None:
            raise OscError("This device has not said hello yet.", remedy="Send /ditto/hello first.")
        if (track := self._tracks.get(request_id)) is not None:
            if track.instance != device.instance:
                raise OscError(f"The request id {request_id} belongs to another device.")
            track.nonce = nonce
            yield from self._tell(track, *track.said())
            return
        assembly = self._assembly(request_id, now) or Assembly(now)
        lost = list(assembly.missing(message))
        if lost:
            yield from (Send(device.host, device.port, outgoing.missing(request_id, one)) for one in lost)
            return
        del self._assemblies[request_id]
        if len(self._open) >= MAX_OPEN:
            sentence = f"{MAX_OPEN:,} requests are under way already."
            said = outgoing.error(request_id, "no_engine", sentence, "Wait until some are done.")
            yield Send(device.host, device.port, said)
            return
        assembly.close(message)
        self._tracks[request_id] = Track(request_id, device.instance, nonce)
        self._open.add(request_id)
        yield Prepare(request_id, device.instance, assembly)

    def _cancel(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        request_id = str(message.values[0])
        track = self._tracks.get(request_id)
        self._assemblies.pop(request_id, None)
        if track is None:
            raise OscError(f"There is no request {request_id} to cancel.", remedy="It may have ended already.")
        if track.ended:
            yield from self._tell(track, *track.said())
        else:
            yield CancelJob(request_id)

    def _seen(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        track = self._tracks.get(str(message.values[0]))
        if track is not None and track.ended:
            track.seen, track.repeat_at = True, float("inf")
        yield from ()

    def _favourite(self, message: OscMessage, host: str, now: float) -> Iterator[Effect]:
        yield Favourite(str(message.values[0]), bool(message.values[1]))

    # -- from whoever reads files

    def prepared(
        self, request_id: str, request: LoopRequest, priority: Priority, notes: tuple[str, ...]
    ) -> Iterator[Effect]:
        """Go on with a request that is complete and valid."""
        track = self._tracks[request_id]
        track.request, track.notes = request, notes
        yield Submit(request, track.instance, priority)

    def refused(self, request_id: str, error: DittoError, now: float) -> Iterator[Effect]:
        """Say what is wrong with a request that was never submitted; the same id may be committed again."""
        track = self._tracks.pop(request_id)
        self._open.discard(request_id)
        said = outgoing.error(request_id, error.code, error.sentence, error.remedy)
        yield from self._tell(track, said)

    def written(self, request_id: str, made: Delivered, now: float) -> Iterator[Effect]:
        """Go on when a take is safe on disk."""
        track = self._tracks[request_id]
        track.writing.discard(made.take)
        track.takes[made.take] = made
        yield Acknowledge(request_id, made.take)
        yield from self._tell(track, outgoing.take(request_id, made))
        yield from self._close(track, now)

    def not_written(self, request_id: str, take: int, error: DittoError, now: float) -> Iterator[Effect]:
        """End a request whose take could not be written; the engine keeps it for the next bridge."""
        track = self._tracks[request_id]
        track.writing.discard(take)
        track.unwritten = error
        yield from self._close(track, now)

    def previewed(self, preview: Preview, path: str) -> Iterator[Effect]:
        """Say where an early listen lies."""
        track = self._tracks.get(preview.request_id)
        if track is not None and not track.ended:
            yield from self._tell(track, outgoing.preview(track.request_id, preview.take, preview.step, path))

    def found(self, request_id: str, takes: list[Delivered], now: float) -> Iterator[Effect]:
        """Go on with a request whose takes were delivered before a restart."""
        track = self._tracks[request_id]
        track.writing.discard(-1)
        for made in takes:
            track.takes.setdefault(made.take, made)
            yield from self._tell(track, outgoing.take(request_id, made))
        yield from self._close(track, now)

    # -- from the engine

    def hear(self, said: Event | Job | Status, now: float) -> Iterator[Effect]:
        """Take in what the engine said."""
        match said:
            case Status():
                yield from self._hear_status(said)
            case Job():
                yield from self._take_up(said)
            case _ if (track := self._tracks.get(said.request_id)) is not None:
                yield from self._hear_event(track, said, now)
            case _:
                return

    def lost_engine(self) -> Iterator[Effect]:
        """Tell all devices that no engine answers."""
        if self._status is not None:
            self._status = None
            yield from self._tell_everyone(outgoing.state(None))

    def _hear_status(self, status: Status) -> Iterator[Effect]:
        before, self._status = self._status, status
        if before is None or _shown(before) != _shown(status):
            yield from self._tell_everyone(outgoing.state(status))

    def _take_up(self, job: Job) -> Iterator[Effect]:
        """Follow a request that an earlier bridge had submitted."""
        request_id = job.request.request_id
        track = self._tracks.get(request_id)
        if track is None:
            nonce = next((d.nonce for d in self._devices.values() if d.instance == job.tag), "")
            track = self._tracks[request_id] = Track(request_id, job.tag, nonce)
            self._assemblies.pop(request_id, None)
        track.request, track.again = job.request, True
        if track.unwritten is not None:  # perhaps the disk has room now
            track.unwritten, track.final, track.ended = None, None, 0.0
        if not track.ended:
            self._open.add(request_id)
        yield from ()

    def _hear_event(self, track: Track, event: Event, now: float) -> Iterator[Effect]:
        match event:
            case Accepted() if not track.accepted or event.notes:  # the model may have more to say
                track.accepted = outgoing.accepted(event, track.notes)
                yield from self._tell(track, track.accepted)
            case Progress():
                track.progress, track.progress_heard = event, now
                if now - track.progress_sent >= FASTEST_PROGRESS_SECONDS:
                    yield from self._tell_progress(track, now)
            case Preview() if track.request is not None:
                track.previews = True
                yield WritePreview(track.request, event)
            case Take():
                yield from self._hear_take(track, event)
            case _ if isinstance(event, Final):
                yield from self._hear_final(track, event, now)

    def _hear_take(self, track: Track, take: Take) -> Iterator[Effect]:
        if take.take in track.takes:
            yield Acknowledge(track.request_id, take.take)
        elif take.take not in track.writing and track.request is not None:
            track.writing.add(take.take)
            yield WriteTake(track.request, take, track.again)

    def _hear_final(self, track: Track, final: Final, now: float) -> Iterator[Effect]:
        track.final = final
        promised = getattr(final, "takes", 0)
        if promised > len(track.takes) + len(track.writing):  # delivered before a restart
            track.writing.add(-1)
            yield FindTakes(track.request_id)
        yield from self._close(track, now)

    def _close(self, track: Track, now: float) -> Iterator[Effect]:
        """End a request once its end is known and all its takes are on disk."""
        if track.final is None or track.writing:
            return
        if track.unwritten is None:
            yield Acknowledge(track.request_id)
        if track.ended:
            return
        track.ended, track.repeat_at = now, now + REPEATS_SECONDS[0]
        self._open.discard(track.request_id)
        track.end = outgoing.end(track.final, track.takes)
        if (error := track.unwritten) is not None:
            remedy = f"{error.remedy} The engine keeps the take until the bridge is started again."
            track.end = outgoing.error(track.request_id, error.code, error.sentence, remedy)
        yield from self._tell(track, track.end)
        if track.previews or track.again:
            yield DropPreviews(track.request_id)
        track.request = None  # it may hold megabytes, and its end is known

    # -- the clock

    def tick(self, now: float) -> Iterator[Effect]:
        """Repeat what is due and forget what is old."""
        for track in self._slow(now):
            yield from self._tell_progress(track, now)
        for track in self._tracks.values():
            if now >= track.repeat_at and track.nonce in self._devices:
                track.repeats += 1
                more = track.repeats < len(REPEATS_SECONDS)
                track.repeat_at = now + REPEATS_SECONDS[track.repeats] if more else float("inf")
                yield from self._tell(track, *track.said())
        if now - self._tidied >= TIDY_SECONDS:
            self._tidied = now
            self._forget(now)

    def _slow(self, now: float) -> Iterator[Track]:
        """Yield the requests whose progress is due to be said again, of those that were heard of last."""
        tracks = (self._tracks[request_id] for request_id in self._open)
        made = (track for track in tracks if track.progress is not None and track.final is None)
        for track in heapq.nlargest(MOST_SLOW, made, key=lambda track: track.progress_heard):
            if now - track.progress_sent >= PROGRESS_SECONDS:
                yield track

    def _forget(self, now: float) -> None:
        for nonce in [d.nonce for d in self._devices.values() if now - d.seen > DEVICE_SECONDS]:
            del self._devices[nonce]
        for request_id in [name for name, a in self._assemblies.items() if now - a.born > ASSEMBLY_SECONDS]:
            del self._assemblies[request_id]
        ended = sorted((track for track in self._tracks.values() if track.ended), key=lambda track: track.ended)
        for place, track in enumerate(ended):
            if now - track.ended > ENDED_SECONDS or place < len(ended) - MAX_ENDED:
                del self._tracks[track.request_id]

    def _tell_progress(self, track: Track, now: float) -> Iterator[Effect]:
        """Send the last progress; between two steps its time left runs down with the clock."""
        if self._status is None or track.progress is None:
            return
        track.progress_sent = now
        left = track.progress.seconds_left
        if left > 0:
            left = max(0.0, left - (now - track.progress_heard))
        yield from self._tell(track, outgoing.progress(track.progress, left))

    def _tell(self, track: Track, *datagrams: bytes) -> Iterator[Effect]:
        device = self._devices.get(track.nonce)
        if device is not None:
            yield from (Send(device.host, device.port, datagram) for datagram in datagrams)

    def _tell_everyone(self, datagram: bytes) -> Iterator[Effect]:
        yield from (Send(device.host, device.port, datagram) for device in self._devices.values())


def _shown(status: Status) -> tuple[object, ...]:
    return status.state, round(status.fraction, 2), status.sentence, status.model
