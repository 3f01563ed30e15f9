"""The takes on disk: find, search, mark, tidy. The folder is the index; there is no other."""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from engine.errors import BadInputError, BadRequestError, MissingPackageError
from engine.events import Scores, named_now
from engine.files import publish
from engine.request import Start
from engine.service import wire
from midi.errors import MidiError
from midi.files.opening import read_bytes
from midi.files.text import decoded

from .companions import companions, take_of
from .delivery import MAX_SIDECAR_BYTES, UNREADABLE_REMEDY, Sidecar, find_wav, read_sidecar
from .usage import names_below

MAX_TITLE = 120
LATEST = "latest"  # names the newest take
TAKE_FILES = (".wav", ".json", ".safetensors")
MAX_NOISE_BYTES = 256 * 2**20


class _Words(msgspec.Struct, frozen=True):
    """The fields of a request that a list shows; the rest of the JSON is skipped unread."""

    prompt: str = ""
    model: str = ""
    bars: int = 0
    tempo_bpm: str = ""
    key: str | None = None
    seed: int = 0


class _Brief(msgspec.Struct, frozen=True):
    request: _Words
    key: str | None = None  # the one that sounds, whoever chose it
    take_id: str = ""
    created: str = ""
    favourite: bool = False
    title: str = ""
    scores: Scores = {}
    verdicts: tuple[dict[str, str], ...] = ()
    licence: str = ""
    layers: tuple[str, ...] = ()
    chords: str = ""


@dataclass(frozen=True, slots=True)
class StoredTake:
    """A take in the folder."""

    take_id: str
    wav: Path
    prompt: str
    model: str
    licence: str
    bars: int
    tempo_bpm: str
    key: str | None
    seed: int
    created: str
    favourite: bool
    scores: Scores
    verdicts: tuple[dict[str, str], ...] = ()  # grade and sentence of each control
    title: str = ""
    layers: tuple[str, ...] = ()  # empty for a full mix
    chords: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of this take that exist, its WAV first."""
        return tuple(path for path in (self.wav, *companions(self.wav)) if path.exists())

    @property
    def size_bytes(self) -> int:
        """The size of all files of this take; asked of the disk now, since a list shows it for few of its takes."""
        return sum(map(_size_bytes, (self.wav, *companions(self.wav))))


def stored_takes(folder: Path) -> Iterator[StoredTake]:
    """Yield all takes in a folder and below it, the last one made first; damaged ones are passed over.

    Whoever sorts takes into folders of his own still has them all, in the order in which they were made.
    """
    found = (take for path in _sidecars(folder) if (take := _brief(path)) is not None)
    yield from sorted(found, key=_made, reverse=True)


def _sidecars(folder: Path) -> Iterator[Path]:
    """Yield what may be sidecars in `folder` and below, a folder in it that is a link to another disk included."""
    yield from folder.glob("*.json")
    for part in folder.glob("*/"):
        yield from part.rglob("*.json")


def _made(take: StoredTake) -> tuple[float, float]:
    """Return when a take was made, to the second by its record, then by its file; by that alone where none says."""
    changed = _modified(take.wav.with_suffix(".json"))
    try:
        return datetime.fromisoformat(take.created).astimezone().timestamp(), changed
    except (ValueError, OverflowError):  # no date, or one before all calendars
        return changed, changed


def search(takes: Iterable[StoredTake], words: str) -> Iterator[StoredTake]:
    """Yield the takes whose title, prompt, key, layers, model or id holds all these words."""
    wanted = words.casefold().split()
    for take in takes:
        text = f"{take.title} {take.prompt} {take.key or ''} {' '.join(take.layers)} {take.model} {take.take_id}"
        if all(word in text.casefold() for word in wanted):
            yield take


def find(folder: Path, name: str) -> StoredTake:
    """Return the take that `name` means: a file of it, its id, the start of the id, or `latest`.

    Raises `BadInputError` where there is none, or several.
    """
    if Path(name).suffix.lower() in TAKE_FILES:
        return _of_file(Path(name))
    if name != LATEST and (named := _in_file_of(folder, name)) is not None:
        return named
    takes = stored_takes(folder)
    found = list(takes)[:1] if name == LATEST else [take for take in takes if name and take.take_id.startswith(name)]
    exact = [take for take in found if take.take_id == name][:1]  # copies of a take sound the same
    if len(exact or found) != 1:
        _refuse_without_sound(folder, name)
        what = f"{len(found)} takes whose ids begin with" if found else "no take"
        listing = "`ditto-live takes` lists them."
        remedy = f"{listing} One that --out wrote elsewhere is named by its file, such as loop.wav."
        raise BadInputError(f"There is {what} {name[:80]!r} in {folder}.", remedy=listing if found else remedy)
    return (exact or found)[0]


def _in_file_of(folder: Path, take_id: str) -> StoredTake | None:
    """Return the take in a file that still has the name it was written with, without reading all records."""
    wav = find_wav(folder, take_id)
    found = None if wav is None else _brief(wav.with_suffix(".json"))
    return found if found is not None and found.take_id == take_id else None


def _refuse_without_sound(folder: Path, name: str) -> None:
    """Raise `BadInputError` where the one take that `name` means has lost its WAV, which its noise makes again."""
    lost = [path for path in _sidecars(folder) if name and not path.with_suffix(".wav").exists()]
    meant = [path for path in lost if _take_id(path).startswith(name)]
    if len(meant) == 1:
        raise _without_sound(meant[0])


def _without_sound(record: Path) -> BadInputError:
    return BadInputError(
        f"Take {_take_id(record)} has lost its sound: {record.with_suffix('.wav').name} is not beside {record.name}.",
        remedy=f'`ditto-live render --from-take "{record}"` makes it again, or put the WAV back.',
    )


def _take_id(record: Path) -> str:
    """Return the id in a take's sidecar, empty where it cannot be read or is none."""
    try:
        return msgspec.json.decode(_sidecar_bytes(record), type=_Brief).take_id
    except (BadInputError, OSError, ValueError, RecursionError):
        return ""


def wav_of(path: Path) -> Path:
    """Return the WAV of the take that a file belongs to, a stem too; raises `BadInputError` where there is none."""
    if not path.exists():
        raise BadInputError(f"There is no file {path}.", remedy="`ditto-live takes` lists what was made.")
    wav = path if path.suffix.lower() == ".wav" else path.with_suffix(".wav")
    return take_of(wav) or wav


def _of_file(path: Path) -> StoredTake:
    wav = wav_of(path)
    record = wav.with_suffix(".json")
    if (found := _brief(record)) is not None:
        return found
    if not wav.exists() and _take_id(record):
        raise _without_sound(record)
    if record.exists():
        raise BadInputError(f"{record} cannot be read, or is no take's.", remedy=UNREADABLE_REMEDY)
    raise BadInputError(
        f"{path} is no take: there is no {record.name} that tells of it beside it.",
        remedy="`ditto-live takes` lists what was made.",
    )


def sidecar(take: StoredTake) -> Sidecar:
    """Return the whole sidecar of a take, its request included."""
    return read_sidecar(take.wav.with_suffix(".json"))


def whole_sidecar(take: StoredTake) -> dict[str, object]:
    """Return all that a take's sidecar holds; raises `BadInputError`."""
    path = take.wav.with_suffix(".json")
    try:
        return msgspec.json.decode(_sidecar_bytes(path), type=dict[str, object])
    except (BadInputError, ValueError, RecursionError) as error:
        raise BadInputError(f"{path} cannot be read: {error}.") from error


def start_at(wav: Path, take_id: str, variation: float = 0.0) -> Start:
    """Return the noise beside a take's WAV as the start of a new one; raises `BadInputError` where there is none.

    `variation` is how far a search leaves it, 0 to 1.
    """
    noise = wav.with_suffix(".safetensors")
    try:
        data = read_bytes(noise, MAX_NOISE_BYTES)
    except MidiError as error:
        raise BadInputError(
            f"The noise of take {take_id} is missing: {error.sentence}",
            remedy="A take's .safetensors must lie beside its .wav.",
        ) from error
    if len(data) > MAX_NOISE_BYTES:
        raise BadInputError(f"{noise} is too large to be a take's noise.")
    return Start(noise=data, variation=variation, take_id=take_id)


def set_favourite(wav: Path, on: bool) -> None:
    """Mark the take with this WAV, or no longer; raises `BadRequestError` where its sidecar cannot be read."""
    _change(wav, {"favourite": on})


def set_title(wav: Path, title: str) -> None:
    """Give the take with this WAV a title of its own; an empty one takes it away. Raises as `set_favourite`."""
    _change(wav, {"title": " ".join(title.split())[:MAX_TITLE]})


def forget(take: StoredTake) -> None:
    """Remove the words from a take's sidecar; its sound and its file name, which sets refer to, stay."""
    request = sidecar(take).request
    _change(
        take.wav,
        {
            "request": msgspec.structs.replace(request, prompt="", negative_prompt=""),
            "notes": (),
            "heard": {},
            "title": "",
        },
    )


def unused(takes: Iterable[StoredTake], sets: Path) -> list[StoredTake]:
    """Return the takes that are no favourites and that nothing of Live below `sets` names; raises `BadInputError`."""
    named = names_below(sets)

    def in_use(take: StoredTake) -> bool:
        return any(named.has(take.take_id, file.stem) for file in take.files)

    return [take for take in takes if not take.favourite and not in_use(take)]


def to_trash(takes: Iterable[StoredTake]) -> int:
    """Move takes to the system's trash, from where they can be put back; return how many.

    Raises `BadInputError` where the system refuses one; those before it are in the trash then.
    """
    try:
        from send2trash import send2trash
    except ImportError as error:
        raise MissingPackageError(
            "Moving files to the trash needs the package Send2Trash.", remedy="pip install Send2Trash"
        ) from error
    count = 0
    for take in takes:
        for path in take.files:
            try:
                send2trash(path)
            except OSError as error:
                reason = error.strerror or str(error)
                raise BadInputError(
                    f"{path} cannot be moved to the trash: {reason.rstrip('.')}. {count} takes were moved before it.",
                    remedy="Move it by hand, or give access to its folder.",
                ) from error
        count += 1
    return count


def disk_free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that takes go to."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(existing).free


def _brief(path: Path) -> StoredTake | None:
    wav = path.with_suffix(".wav")
    try:
        found = msgspec.json.decode(_sidecar_bytes(path), type=_Brief)
        if not wav.exists():
            return None
    except (BadInputError, OSError, ValueError, RecursionError):  # a damaged one spoils no list
        return None
    words = found.request
    return StoredTake(
        take_id=found.take_id or wav.stem.rpartition("-")[2],
        wav=wav,
        prompt=words.prompt,
        model=words.model,
        licence=found.licence,
        bars=words.bars,
        tempo_bpm=words.tempo_bpm,
        key=found.key or words.key,
        seed=words.seed,
        created=found.created or path.parent.name,
        favourite=found.favourite,
        scores=named_now(found.scores),
        verdicts=found.verdicts,
        title=found.title,
        layers=found.layers,
        chords=found.chords,
    )


def is_sidecar(path: Path) -> bool:
    """Whether the file is a take's sidecar."""
    return bool(_take_id(path))


def _sidecar_bytes(path: Path) -> bytes:
    """Return a sidecar as plain UTF-8, whatever editor saved it; raises `MidiError` or `UnicodeDecodeError`."""
    return decoded(read_bytes(path, MAX_SIDECAR_BYTES)).encode()


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # it does not have this file
        return 0


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _change(wav: Path, fields: dict[str, object]) -> None:
    """Rewrite a sidecar with some fields changed; raises `BadRequestError` where it cannot be read."""
    path = wav.with_suffix(".json")
    try:
        whole = msgspec.json.decode(_sidecar_bytes(path), type=dict[str, msgspec.Raw])
    except (BadInputError, OSError, ValueError, RecursionError) as error:
        raise BadRequestError(f"{path} cannot be changed: {error}.") from error
    times = path.stat()
    publish(path, wire.to_json({**whole, **fields}), overwrite=True, private=True)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # lists are sorted by when a take was made
