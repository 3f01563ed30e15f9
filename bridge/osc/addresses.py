"""Every OSC address, once: the codec, `docs/osc.md` and the device's `addresses.json` come from this table.

Only the types `i f s` are sent; the codec also takes `h d T F` for numbers. A row's `arguments` come first and
once; its `repeat` group may follow any number of times (breakpoints, notes, scores), and its `last` argument once, or
not at all. `/ditto/loop/set` takes the fields of `bridge.requests.fields` by name.
"""

from dataclasses import dataclass
from typing import Literal

from engine.request import LAYERS

PROTOCOL_VERSION = 2
UNSIGNED_VERSION = 1  # whose pieces of a request carry no nonce; its devices are still served
PORT_TRIES = 16  # a taken port is passed over: the bridge listens on osc_port .. osc_port + 15
REPLY_PORTS = (47_200, 48_199)  # where a device looks for a port of its own; any other is fine too
MAX_DATAGRAM_BYTES = 4_000  # towards Max, whose udpsend and udpreceive take 5,096 at the most
MAX_CHUNKS = 2_000
MAX_TEXT = 2_000  # characters of one string

Tag = Literal["i", "f", "s"]
Sender = Literal["device", "bridge"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its type tag, and the limits `low` and `high` of its value in `unit`, for text of its length."""

    name: str
    tag: Tag
    unit: str = ""
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()  # when only these are allowed


@dataclass(frozen=True, slots=True)
class Address:
    """One message: who sends it, what it carries and, in a sentence, what it does."""

    path: str
    sender: Sender
    arguments: tuple[Argument, ...]
    sentence: str
    repeat: tuple[Argument, ...] = ()
    last: Argument | None = None

    def __post_init__(self) -> None:
        """Refuse a row whose last argument could be one of a group."""
        if self.last is not None and len(self.repeat) == 1:
            raise ValueError(f"{self.path}: a last argument needs groups of none, or of two or more.")

    @property
    def tags(self) -> str:
        """The type tags as documentation shows them: `ssi(ff)*[s]`."""
        group = "".join(argument.tag for argument in self.repeat)
        tags = "".join(argument.tag for argument in self.arguments) + (f"({group})*" if group else "")
        return tags + (f"[{self.last.tag}]" if self.last is not None else "")


def _text(name: str, limit: int = MAX_TEXT, unit: str = "") -> Argument:
    return Argument(name, "s", unit or "text", 0, limit)


def _whole(name: str, low: int, high: int, unit: str = "") -> Argument:
    return Argument(name, "i", unit, low, high)


def _real(name: str, unit: str = "", low: float | None = None, high: float | None = None) -> Argument:
    return Argument(name, "f", unit, low, high)


REQUEST_ID = Argument("request_id", "s", "letters, digits, - and _", 1, 64)
NONCE = Argument("nonce", "s", "letters, digits, - and _", 1, 64)
INSTANCE = Argument("instance", "s", "letters, digits, - and _", 1, 64)
TAKE_ID = Argument("take_id", "s", "letters, digits, - and _", 1, 80)
CONTROL = Argument("control", "s", "intensity, melody, rhythm, brightness ...", 1, 40)
INDEX = _whole("index", 0, MAX_CHUNKS - 1, "number of this chunk, from 0")
CHUNKS = _whole("chunks", 1, MAX_CHUNKS, "how many chunks there are")
MAX_LOOP_BEATS = 6_400
BEAT = _real("beat", "quarter notes from the loop's start", 0, MAX_LOOP_BEATS)
EARLY_BEAT = _real("beat", "quarter notes from the loop's start, or a little before it", -0.25, MAX_LOOP_BEATS)
PART = Argument("part", "s", words=("begin", "set", "curve", "notes", "onsets"))
SCORES = (_text("score", 60), _real("value"))
STATES = ("no_engine", "loading", "ready", "working", "stopping")
_LANE_BEATS = _text("beats", 64, "START:END in quarter notes of the set")
_TAKE = _whole("take", 0, 7, "from 0")
_PATH = _text("path", MAX_TEXT, "absolute path")
_BARS = _whole("bars", 1, 16, "bars")
_TEMPO = _text("tempo_bpm", 64, "BPM as a decimal")

ADDRESSES: tuple[Address, ...] = (
    Address(
        "/ditto/hello",
        "device",
        (_whole("protocol", 0, 2**31 - 1), INSTANCE, NONCE, _whole("reply_port", 1, 65_535, "UDP port")),
        "Begins a session or keeps it alive; send it until a welcome echoes the nonce, then every 5 seconds. "
        "The instance is stored with the device, the nonce is new at each load, and all replies go to "
        "the reply port.",
    ),
    Address(
        "/ditto/bye", "device", (NONCE,), "Ends a session. Accepted requests are still made, and their takes are kept."
    ),
    Address(
        "/ditto/loop/begin",
        "device",
        (REQUEST_ID, NONCE),
        "Opens a request. The id is the sender's own and new for every request.",
    ),
    Address(
        "/ditto/loop/set",
        "device",
        (REQUEST_ID, Argument("name", "s", "see the settings", 1, 60), _text("value")),
        "Sets one field; numbers go as decimal text. The last value of a name counts.",
        last=NONCE,
    ),
    Address(
        "/ditto/loop/curve",
        "device",
        (REQUEST_ID, CONTROL, Argument("unit", "s", words=("db", "hz", "unit")), INDEX, CHUNKS),
        "One chunk of a curve: breakpoints in order, linear between them; two at one beat are a jump. "
        "A breakpoint before the start counts at the start.",
        repeat=(EARLY_BEAT, _real("value", "the curve's unit")),
        last=NONCE,
    ),
    Address(
        "/ditto/loop/notes",
        "device",
        (REQUEST_ID, CONTROL, INDEX, CHUNKS),
        "One chunk of a clip's notes, beats counted from the loop's start. A note less than 1/8 beat before it is the "
        "downbeat; an earlier one, and one of velocity 0, which is a note off, is left out.",
        repeat=(
            _whole("pitch", 0, 127, "MIDI number, 60 is Live's C3"),
            EARLY_BEAT,
            _real("duration", "quarter notes", 0, 6_400),
            _whole("velocity", 0, 127),
        ),
        last=NONCE,
    ),
    Address(
        "/ditto/loop/onsets",
        "device",
        (REQUEST_ID, CONTROL, INDEX, CHUNKS),
        "One chunk of a rhythm: hits with their strengths. Early hits are treated as early notes are.",
        repeat=(
            EARLY_BEAT,
            _real("strength", "", 0, 1),
            Argument("group", "s", words=("kick", "snare", "hat", "tom", "cymbal", "perc", "any")),
        ),
        last=NONCE,
    ),
    Address(
        "/ditto/loop/commit",
        "device",
        (REQUEST_ID, NONCE, _whole("settings", 0, 200, "how many names were set")),
        "Closes a request and lists its parts, one group for every curve, clip and rhythm. If no answer comes, "
        "send it again, unchanged: nothing is made twice, and the answer is the state of the request.",
        repeat=(Argument("part", "s", words=("curve", "notes", "onsets")), CONTROL, CHUNKS),
    ),
    Address(
        "/ditto/loop/cancel", "device", (REQUEST_ID, NONCE), "Stops a request; the best take so far is still delivered."
    ),
    Address(
        "/ditto/seen",
        "device",
        (REQUEST_ID, NONCE),
        "Confirms that the end of a request (done, cancelled, superseded or error) and all its takes have "
        "arrived; until then the bridge repeats the end a few times.",
    ),
    Address(
        "/ditto/take/favourite",
        "device",
        (TAKE_ID, _whole("on", 0, 1)),
        "Marks a take as a favourite, or removes the mark.",
        last=NONCE,
    ),
    Address(
        "/ditto/lane/watch",
        "device",
        (
            NONCE,
            _text("lane", MAX_TEXT, "SET.als#Track/Device/Parameter, or empty"),
            _LANE_BEATS,
            _whole("known", 0, 2**31 - 1, "mark of the curve that has arrived, 0 for none"),
        ),
        "Asks for a lane of a saved set now and after each save, until the session ends or the lane is empty. One lane "
        "for a session. Send it again every few seconds: where the mark is not the last one, the curve comes again.",
    ),
    Address(
        "/ditto/welcome",
        "bridge",
        (_whole("protocol", 0, 2**31 - 1), NONCE, _text("bridge_id", 64), _text("version", 64)),
        "Answers hello. Another bridge id than before means that the bridge was started anew: commit again "
        "what is unfinished.",
    ),
    Address(
        "/ditto/state",
        "bridge",
        (
            Argument("state", "s", words=STATES),
            _real("fraction", "0..1 of loading, else -1", -1, 1),
            _text("sentence", 600),
            _text("model", 500),
            _whole("queued", 0, 1_000_000, "requests waiting"),
        ),
        "What the engine is doing, after each hello and at every change.",
    ),
    Address(
        "/ditto/missing",
        "bridge",
        (REQUEST_ID, PART, Argument("control", "s", "empty for begin and set", 0, 40)),
        "Asks for chunks again; no index means all of that part. Then send the commit again.",
        repeat=(INDEX,),
    ),
    Address(
        "/ditto/accepted",
        "bridge",
        (REQUEST_ID, _whole("queue_position", 0, 1_000_000, "requests before it")),
        "The request is on disk: it will be finished, or its failure reported, even after a crash. Notes are sentences "
        "for the producer, such as the seed and the key that were chosen. The message comes once more when the model "
        "has read the request, with all notes until then; show the last one.",
        repeat=(_text("note", 600),),
    ),
    Address(
        "/ditto/progress",
        "bridge",
        (
            REQUEST_ID,
            Argument("phase", "s", "optimise or guide (the search), decode (into sound), or others", 0, 40),
            _TAKE,
            _whole("step", 0, 100_000),
            _whole("steps", 0, 100_000),
            _real("seconds_left", "s", -1),
        ),
        "One step is done; the loss of each control follows, unweighted.",
        repeat=(Argument("control", "s", "", 0, 40), _real("loss")),
    ),
    Address(
        "/ditto/preview",
        "bridge",
        (REQUEST_ID, _TAKE, _whole("step", 0, 100_000), _PATH),
        "A WAV of the loop in its present state, deleted some time after the request has ended.",
    ),
    Address(
        "/ditto/take",
        "bridge",
        (
            REQUEST_ID,
            _TAKE,
            TAKE_ID,
            _PATH,
            _BARS,
            _TEMPO,
            _text("time_signature", 8),
            _whole("samples", 1, 2**31 - 1, "samples per channel"),
            _whole("sample_rate", 8_000, 192_000, "Hz"),
            _text("notes", 600, "sentences"),
        ),
        "A finished take is on disk for good: never overwritten, never deleted. Its scores follow.",
        repeat=SCORES,
    ),
    Address(
        "/ditto/stem",
        "bridge",
        (TAKE_ID, Argument("layer", "s", words=tuple(LAYERS)), _PATH),
        "A stem of a take, on disk beside it. Sent after the take, once for each layer, if the request set stems.",
    ),
    Address(
        "/ditto/done",
        "bridge",
        (REQUEST_ID, _whole("takes", 0, 8), _whole("best", 0, 7, "index of a take"), TAKE_ID, _PATH, _BARS, _TEMPO),
        "All takes were sent; this is the best one. Its scores follow.",
        repeat=SCORES,
    ),
    Address(
        "/ditto/cancelled",
        "bridge",
        (REQUEST_ID, _whole("takes", 0, 8)),
        "The request was cancelled; the best loop so far was sent as a take.",
    ),
    Address(
        "/ditto/superseded",
        "bridge",
        (REQUEST_ID, Argument("by", "s", "a request id", 0, 64)),
        "A newer request in the same slot took its place.",
    ),
    Address(
        "/ditto/lane/curve",
        "bridge",
        (
            NONCE,
            _LANE_BEATS,
            _whole("mark", 1, 2**31 - 1, "the same for the same lane and curve"),
            Argument("unit", "s", words=("db", "hz", "unit")),
            INDEX,
            CHUNKS,
        ),
        "One chunk of a watched lane, after each save that leaves the set readable: breakpoints in order, linear "
        "between, at most 1,200. A set that cannot be read is an error without a request id, once for each save.",
        repeat=(BEAT, _real("value", "the curve's unit")),
    ),
    Address(
        "/ditto/error",
        "bridge",
        (
            Argument("request_id", "s", "empty when it concerns none", 0, 64),
            Argument("code", "s", "", 1, 60),
            _text("sentence", 1_000),
            _text("remedy", 600),
        ),
        "Something was refused or has failed: a code for programs, a sentence on what and where, and a remedy.",
    ),
)

BY_PATH: dict[str, Address] = {address.path: address for address in ADDRESSES}
