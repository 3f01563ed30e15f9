"""Every OSC address, once: the codec, `docs/osc.md` and the device's `addresses.json` come from this table.

Only the types `i f s b` are used. A row's `arguments` come first and once; its `repeat` group may follow any
number of times (breakpoints, notes, scores). `set` names have a table of their own, `SETTINGS`.
"""

from dataclasses import dataclass
from typing import Literal

PROTOCOL_VERSION = 1
PORT_TRIES = 16  # a taken port is passed over: the bridge listens on osc_port .. osc_port + 15
REPLY_PORTS = (47_200, 48_199)  # where a device looks for a port of its own; any other is fine too
MAX_DATAGRAM_BYTES = 4_000  # towards Max, whose udpsend and udpreceive take 5,096 at the most
TICKS_PER_BEAT = 20_160  # 2^6 * 3^2 * 5 * 7: triplets to septuplets are whole numbers of ticks
MAX_CHUNKS = 2_000
MAX_TEXT = 2_000  # characters of one string

Tag = Literal["i", "f", "s"]
Sender = Literal["device", "bridge"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its type tag, and what is allowed (characters for text, else a range in `unit`)."""

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

    @property
    def tags(self) -> str:
        """The type tags as documentation shows them: `ssi(ff)*`."""
        group = "".join(argument.tag for argument in self.repeat)
        return "".join(argument.tag for argument in self.arguments) + (f"({group})*" if group else "")


@dataclass(frozen=True, slots=True)
class Setting:
    """One name of `/ditto/loop/set`; its value is text. `example` is a value that is allowed."""

    name: str
    example: str
    sentence: str


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
BEAT = _real("beat", "quarter notes from the loop's start", 0, 6_400)
PART = Argument("part", "s", words=("begin", "set", "curve", "notes", "onsets"))
SCORES = (_text("score", 60), _real("value"))
STATES = ("no_engine", "loading", "ready", "working", "stopping")
_TAKE = _whole("take", 0, 7, "from 0")
_PATH = _text("path", MAX_TEXT, "absolute path")
_BARS = _whole("bars", 1, 16, "bars")
_TEMPO = _text("tempo_bpm", 64, "BPM as a decimal")

ADDRESSES: tuple[Address, ...] = (
    Address(
        "/ditto/hello",
        "device",
        (_whole("protocol", 0, 2**31 - 1), INSTANCE, NONCE, _whole("reply_port", 1, 65_535, "UDP port")),
        "Begins or keeps up a session; send it until a welcome echoes the nonce, then every 5 seconds. "
        "The instance is stored with the device, the nonce is new at each load, and all replies go to "
        "the reply port.",
    ),
    Address("/ditto/bye", "device", (NONCE,), "Ends a session. What was accepted is still made and kept as takes."),
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
    ),
    Address(
        "/ditto/loop/curve",
        "device",
        (REQUEST_ID, CONTROL, Argument("unit", "s", words=("db", "hz", "unit")), INDEX, CHUNKS),
        "One chunk of a curve: breakpoints in order, linear between, two at one beat are a jump.",
        repeat=(BEAT, _real("value", "the curve's unit")),
    ),
    Address(
        "/ditto/loop/notes",
        "device",
        (REQUEST_ID, CONTROL, INDEX, CHUNKS),
        "One chunk of a clip's notes, beats counted from the loop's start.",
        repeat=(
            _whole("pitch", 0, 127, "MIDI number, 60 is Live's C3"),
            BEAT,
            _real("duration", "quarter notes", 0, 6_400),
            _whole("velocity", 1, 127),
        ),
    ),
    Address(
        "/ditto/loop/onsets",
        "device",
        (REQUEST_ID, CONTROL, INDEX, CHUNKS),
        "One chunk of a rhythm: strokes with their strengths.",
        repeat=(
            BEAT,
            _real("strength", "", 0, 1),
            Argument("group", "s", words=("kick", "snare", "hat", "tom", "cymbal", "perc", "any")),
        ),
    ),
    Address(
        "/ditto/loop/commit",
        "device",
        (REQUEST_ID, NONCE, _whole("settings", 0, 200, "how many names were set")),
        "Closes a request and says what belongs to it, one group for every curve, clip and rhythm. Send it "
        "again, unchanged, whenever no answer comes: nothing is made twice, and the answer is where the "
        "request stands.",
        repeat=(Argument("part", "s", words=("curve", "notes", "onsets")), CONTROL, CHUNKS),
    ),
    Address(
        "/ditto/loop/cancel", "device", (REQUEST_ID, NONCE), "Stops a request; the best take so far is still delivered."
    ),
    Address(
        "/ditto/seen",
        "device",
        (REQUEST_ID, NONCE),
        "Says that the end of a request (done, cancelled, superseded or error) has arrived with all its "
        "takes; until then the bridge repeats it a few times.",
    ),
    Address(
        "/ditto/take/favourite", "device", (TAKE_ID, _whole("on", 0, 1)), "Marks a take as a favourite, or no longer."
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
        "The request is on disk and will be finished or reported, whatever dies. Notes are sentences for the producer.",
        repeat=(_text("note", 600),),
    ),
    Address(
        "/ditto/progress",
        "bridge",
        (
            REQUEST_ID,
            Argument("phase", "s", "such as optimise, decode", 0, 40),
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
        "An early listen: a WAV of the loop as it stands, gone some time after the request has ended.",
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
        "The request was cancelled; what was reached was sent as a take.",
    ),
    Address(
        "/ditto/superseded",
        "bridge",
        (REQUEST_ID, Argument("by", "s", "a request id", 0, 64)),
        "A newer request in the same slot took its place.",
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
        "Something is refused or has failed: a code for programs, what and where in one sentence, and what to do.",
    ),
)

SETTINGS: tuple[Setting, ...] = (
    Setting("prompt", "dusty boom bap, Rhodes", "What to make, at most 2,000 characters."),
    Setting("negative_prompt", "vocals", "What to keep away from."),
    Setting("tempo_bpm", "133.37", "Tempo, 20 to 999 BPM, as a decimal."),
    Setting("time_signature", "4/4", "Any n/2^k signature."),
    Setting("bars", "4", "Length, 1 to 16 bars."),
    Setting("key", "F minor", "Key and mode; empty leaves it free."),
    Setting(
        "seed",
        "9007199254740991",
        "Whole number below 2^53; the same seed is the same noise everywhere, and decides what the prompt leaves open.",
    ),
    Setting("count", "1", "How many takes, 1 to 8, ranked."),
    Setting("model", "pocket", "Name of a model, or a folder."),
    Setting("method", "ditto2", "ditto2, ditto, ditto-paper, guidance or none."),
    Setting("quality", "normal", "draft, normal or best."),
    Setting("steps", "70", "Most optimisation steps, 0 to 10,000; empty leaves it to the method."),
    Setting("seconds", "20", "Most seconds of optimisation, up to 3,600."),
    Setting("until_tolerance", "1", "1 stops when each control is within its tolerance, 0 uses the whole budget."),
    Setting("loop", "1", "1 makes a loop, 0 a piece with two ends."),
    Setting("sample_rate", "44100", "The set's sample rate, 8,000 to 192,000 Hz."),
    Setting("slot", "track 3", "A newer request of this instance in the same slot replaces the one in progress."),
    Setting("priority", "interactive", "interactive (default) or batch; a redraw passes a batch."),
    Setting("from_take", "20260131-3f9a1c2b", "Id of an earlier take whose noise is the start."),
    Setting("variation", "0.3", "How far to vary it, 0 to 1."),
    Setting("intensity_source", "curve", "curve (as sent), lane, velocities (of the melody's notes) or none."),
    Setting(
        "lane",
        "/Users/me/Song.als#1-Audio/Ditto Live/Intensity",
        "A saved set and the lane in it that is the intensity: SET.als#Track/Device/Parameter.",
    ),
    Setting("lane_beats", "16:32", "The range of the lane in beats of the set; its start is the loop's start."),
    Setting("melody_file", "/Users/me/tune.mid", "A MIDI file whose melody is followed."),
    Setting("rhythm_file", "/Users/me/drums.mid", "A MIDI file whose strokes are followed."),
    Setting("structure", "AABA", "Form of the loop in equal parts."),
    Setting("structure_file", "/Users/me/song.wav", "Audio whose form is followed."),
    Setting("timbre_file", "/Users/me/sound.wav", "Audio whose sound is followed."),
    Setting("text", "warm and close", "A text of its own for the text control."),
    Setting("inpaint_file", "/Users/me/loop.wav", "Audio of which inpaint_keep is kept, the rest made anew."),
    Setting("inpaint_keep", "0:8", "Beats that are kept; more ranges with commas."),
    Setting("outpaint_file", "/Users/me/loop.wav", "Audio that is kept whole and continued to the loop's length."),
    Setting("CONTROL.weight", "2", "Weight of a control, above 0 up to 1,000, e.g. melody.weight."),
    Setting("CONTROL.within", "8:16", "Beats within which a control holds, e.g. intensity.within."),
    Setting("CONTROL.low", "-36", "What 0 means in a curve of unit `unit`, in the control's own unit."),
    Setting("CONTROL.high", "-14", "What 1 means in a curve of unit `unit`, in the control's own unit."),
)

BY_PATH: dict[str, Address] = {address.path: address for address in ADDRESSES}
SETTING_NAMES: frozenset[str] = frozenset(setting.name for setting in SETTINGS)
PER_CONTROL: frozenset[str] = frozenset(
    name.removeprefix("CONTROL.") for name in SETTING_NAMES if name.startswith("CONTROL.")
)
