"""Takes on disk: `takes/<date>/<slug>-<id>.wav`, its `.json`, its noise and its stems, never overwritten or half there.

Sidecar and noise can be read by their user only, because a sidecar holds the prompt. The WAV is renamed into place
last, so where it is, the rest is too. A take's id follows from its request, so that one that is sent twice, as after a
crash, is found and not written again.
"""

import contextlib
import datetime
import hashlib
import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec
import numpy as np

from engine.audio.reading import Samples
from engine.audio.wav import write_loop
from engine.errors import BadInputError, BadRequestError, DittoError
from engine.events import Preview, Scores, Sound, Stems, Take, named_now
from engine.files import make_folder, publish
from engine.request import LAYERS, MIX, LoopRequest
from engine.service import wire
from midi.errors import MidiError
from midi.files.opening import read_bytes
from midi.files.text import decoded

from ..session.effects import Delivered
from .companions import stem_of

MAX_SIDECAR_BYTES = 64 * 2**20
UNREADABLE_REMEDY = (
    "If a newer Ditto Live wrote it, install that version. Without this file --from-take goes by the noise alone."
)
_SLUG_CHARACTERS = 40
_ID_DIGITS = 10
_WRITING: WeakValueDictionary[Path, threading.Lock] = WeakValueDictionary()  # takes that are written now
_WRITING_GUARD = threading.Lock()


class _Extras(msgspec.Struct, frozen=True):
    stems: dict[str, str] = {}
    midi: str = ""


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that the `.json` beside every take has; the other fields of the take's record stand there, too.

    `key` is the one that sounds, whoever chose it. `layers` are empty for a full mix, and None in takes of before there
    were layers; `chords` are those that sound, `weights` is the digest of the model's weights, `stems` are names of
    files beside it, by layer, `midi` the name of the MIDI file with its transcription.
    """

    request: LoopRequest
    take_id: str = ""
    take: int = 0
    created: str = ""
    favourite: bool = False
    scores: Scores = {}
    notes: tuple[str, ...] = ()
    key: str | None = None
    layers: tuple[str, ...] | None = None
    chords: str = ""
    weights: str = ""
    stems: dict[str, str] = {}
    midi: str = ""

    @property
    def as_made(self) -> LoopRequest:
        """The request that gives this sound again; for a take without layers it asks for a full mix."""
        if self.layers:
            return self.request
        free = {"again": (), "mute": (), "chords": "", "beside": None, "stems": False}
        controls = tuple(msgspec.structs.replace(control, on=()) for control in self.request.controls)
        return msgspec.structs.replace(self.request, layers=(MIX,), controls=controls, **free)


def slug(prompt: str) -> str:
    """Return a short file name out of a prompt's words: letters and digits of any script, and hyphens."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", prompt).lower())
    return "-".join(words)[:_SLUG_CHARACTERS].strip("-") or "loop"


def take_id(request: LoopRequest, take: int) -> str:
    """Return the id of a request's take: always the same for the same request."""
    digest = hashlib.blake2b(wire.encode(request) + bytes([take]), digest_size=16).hexdigest()
    return digest[:_ID_DIGITS]


def write_take(
    folder: Path,
    request: LoopRequest,
    take: Take,
    stems: Stems | None = None,
    *,
    midi: bytes = b"",
    may_exist: bool = False,
    remarks: Iterable[str] = (),
) -> Delivered:
    """Write a take, with its stems if there are some, and return where it lies; raises `BadInputError`.

    With `may_exist`, one that is there from before is returned as it is. `remarks` are sentences about its request,
    which its sidecar keeps behind the take's own.
    """
    name = take_id(request, take.take)
    with _alone(folder / name):
        if may_exist and (found := find_wav(folder, name)) is not None:
            return delivered(found, request, take, name)
        now = datetime.datetime.now().astimezone()
        path = folder / now.strftime("%Y-%m-%d") / f"{slug(request.prompt)}-{name}.wav"
        if not path.exists():
            kept = msgspec.structs.replace(take, notes=tuple(dict.fromkeys((*take.notes, *remarks))))
            write_files(path, request, kept, stems, midi=midi, now=now, may_exist=True)
        return delivered(path, request, take, name)


@contextlib.contextmanager
def _alone(take: Path) -> Iterator[None]:
    """Let one thread at a time write a take: one that was given up may come back while it is written once more."""
    with _WRITING_GUARD:
        lock = _WRITING.setdefault(take, threading.Lock())
    with lock:
        yield


def write_files(
    path: Path,
    request: LoopRequest,
    take: Take,
    stems: Stems | None = None,
    *,
    midi: bytes = b"",
    now: datetime.datetime | None = None,
    overwrite: bool = False,
    may_exist: bool = False,
) -> None:
    """Write the WAV at `path`, its sidecar, its noise, its stems and the MIDI file with the bytes `midi`; the WAV last.

    Raises `BadInputError`. An existing file is kept, and refused, unless `overwrite` is set; then stems and MIDI of the
    take that was there go. With `may_exist` its other files may be there from an attempt that was cut off before its
    WAV. Where one cannot be written, none stays that was not there before.
    """
    make_folder(path.parent, "DITTO_TAKES")
    before = set(extras_of(path)) if overwrite else set()
    companions = _companions(path, request, take, stems, midi, now or datetime.datetime.now().astimezone())
    added: list[Path] = []
    try:
        for file, write in companions.items():  # the sidecar first: it claims the name
            was_there = file.exists()
            write(overwrite or may_exist)
            added += [] if was_there else [file]
        write_wav(path, request, take.sound, overwrite)
    except DittoError:
        for file in added:
            file.unlink(missing_ok=True)
        raise
    for stale in before - companions.keys():
        stale.unlink(missing_ok=True)


def _companions(
    path: Path, request: LoopRequest, take: Take, stems: Stems | None, midi: bytes, now: datetime.datetime
) -> dict[Path, Callable[[bool], None]]:
    """Return the files that go with a take's WAV, each with its writer, which gets whether it may overwrite."""
    sidecar, noise, mid_file = (path.with_suffix(ending) for ending in (".json", ".safetensors", ".mid"))
    sounds = {} if stems is None else stems.sounds
    files = {layer: stem_of(path, layer) for layer in sounds}
    data = {sidecar: _sidecar(request, take, now, files, mid_file if midi else None), noise: take.noise, mid_file: midi}
    found: dict[Path, Callable[[bool], None]] = {
        file: partial(_publish, file, content) for file, content in data.items() if content
    }
    return found | {file: partial(write_wav, file, request, sounds[layer]) for layer, file in files.items()}


def stems_of(wav: Path) -> tuple[Path, ...]:
    """Return the stems that the sidecar of the take at `wav` names and that are there."""
    layers = _extras(wav).stems
    return tuple(path for layer in LAYERS if layer in layers and (path := stem_of(wav, layer)).exists())


def extras_of(wav: Path) -> tuple[Path, ...]:
    """Return the files beside the take at `wav` that not every take has: the stems and the MIDI that its sidecar names.

    Other files with such a name are not the take's.
    """
    mid_file = wav.with_suffix(".mid")
    return (*stems_of(wav), *((mid_file,) if _extras(wav).midi and mid_file.exists() else ()))


def _extras(wav: Path) -> _Extras:
    try:
        data = decoded(read_bytes(wav.with_suffix(".json"), MAX_SIDECAR_BYTES)).encode()
        return msgspec.json.decode(data, type=_Extras)
    except (BadInputError, OSError, ValueError, RecursionError):
        return _Extras()


def write_preview(folder: Path, request: LoopRequest, preview: Preview) -> Path:
    """Write an early listen and return its path; raises `BadInputError` where it cannot be written."""
    make_folder(folder, "DITTO_TAKES")
    path = folder / f"{request.request_id}-{preview.take}-{preview.step}.wav"
    write_wav(path, request, preview.sound, True)
    return path


def drop_previews(folder: Path, request_id: str) -> None:
    """Delete the early listens of a request."""
    for path in folder.glob(f"{request_id}-*.wav"):
        path.unlink(missing_ok=True)


def find_wav(folder: Path, name: str) -> Path | None:
    """Return the WAV of the take with this id, None where there is none."""
    return next(folder.glob(f"*/*-{name}.wav"), None) if re.fullmatch(r"[A-Za-z0-9]+", name) else None


def find_delivered(folder: Path, request_id: str) -> list[Delivered]:
    """Return the takes of a request that was delivered before, from their sidecars, newest day first."""
    for day in sorted(folder.glob("*/"), reverse=True):
        found = [one for path in day.glob("*.json") if (one := _read(path, request_id)) is not None]
        if found:
            return found
    return []


def read_sidecar(path: Path) -> Sidecar:
    """Return a take's sidecar; raises `BadInputError` where it cannot be read."""
    try:
        return wire.from_json(decoded(read_bytes(path, MAX_SIDECAR_BYTES)).encode(), Sidecar)
    except (MidiError, UnicodeError, RecursionError, BadRequestError) as error:
        raise BadInputError(f"{path} cannot be read, or is no take's: {error}", remedy=UNREADABLE_REMEDY) from error


def _read(path: Path, request_id: str) -> Delivered | None:
    try:
        data = read_bytes(path, MAX_SIDECAR_BYTES)
        if request_id.encode() not in data:  # far cheaper than reading thousands of them
            return None
        kept = wire.from_json(data, Sidecar)
    except (MidiError, RecursionError, BadRequestError):
        return None
    wav = path.with_suffix(".wav")
    if kept.request.request_id != request_id or not wav.exists():
        return None
    return _described(
        wav, kept.request, kept.take, kept.take_id, named_now(kept.scores), kept.notes, kept.request.samples
    )


def delivered(path: Path, request: LoopRequest, take: Take, name: str) -> Delivered:
    """Return the facts about a take that a device gets; `name` is the take's id."""
    samples = len(take.sound.samples) // (4 * take.sound.channels)
    return _described(path, request, take.take, name, take.scores, take.notes, samples)


def _described(
    path: Path, request: LoopRequest, take: int, name: str, scores: Scores, notes: tuple[str, ...], samples: int
) -> Delivered:
    stems = stems_of(path)
    return Delivered(
        take_id=name,
        take=take,
        path=str(path.absolute()),
        bars=request.bars,
        tempo_bpm=decimal_text(request.tempo_bpm),
        time_signature=str(request.meter),
        samples=samples,
        sample_rate=request.sample_rate,
        scores=scores,
        notes=notes,
        stems=tuple((layer, str(found.absolute())) for layer in LAYERS if (found := stem_of(path, layer)) in stems),
    )


def decimal_text(value: Fraction) -> str:
    """Return a fraction as a decimal with at most 12 digits."""
    number = Decimal(value.numerator) / Decimal(value.denominator)
    return f"{number:.12g}".rstrip("0").rstrip(".") if "." in f"{number:.12g}" else f"{number:.12g}"


def _sidecar(
    request: LoopRequest, take: Take, now: datetime.datetime, stems: Mapping[str, Path], midi: Path | None
) -> bytes:
    own = {
        "request": request,
        "take_id": take_id(request, take.take),
        "take": take.take,
        "created": now.isoformat(timespec="seconds"),
        "favourite": False,
        "scores": take.scores,
        "notes": take.notes,
    }
    named: dict[str, object] = {"stems": {layer: path.name for layer, path in stems.items()}} if stems else {}
    named |= {"midi": midi.name} if midi is not None else {}
    return wire.to_json({**take.record, **own, **named})


def _publish(path: Path, data: bytes, overwrite: bool) -> None:
    publish(path, data, overwrite=overwrite, private=path.suffix != ".mid")  # MIDI, like sound, is for everybody


def write_wav(path: Path, request: LoopRequest, sound: Sound, overwrite: bool = False) -> None:
    """Write `sound` as a loop of `request`'s length and tempo; see `write_loop` for what it raises."""
    write_loop(
        path,
        samples_of(sound),
        sound.sample_rate,
        tempo_bpm=request.tempo_bpm,
        beats=request.beats,
        meter=request.meter,
        overwrite=overwrite,
    )


def samples_of(sound: Sound) -> Samples:
    """Return audio from the wire as float32 [channels, samples]; raises `BadInputError` for less than whole frames."""
    if sound.channels not in (1, 2) or len(sound.samples) % (4 * sound.channels) or not sound.samples:
        raise BadInputError("The engine sent audio that is empty or not whole frames.")
    return np.frombuffer(sound.samples, dtype="<f4").reshape(-1, sound.channels).T
