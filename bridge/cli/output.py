"""The files that the command line writes for takes: checked before any work, written as each take is ready.

An existing file is not overwritten: `loop.wav` becomes `loop-2.wav`, and so do all files of that take. With
`--overwrite` the files of a take are replaced, but never a file that belongs to no take, or one that the take is made
from.
"""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bridge.takes import delivery
from bridge.takes.companions import companions, stem_of
from bridge.takes.library import disk_free_bytes, is_sidecar
from engine.errors import BadInputError, DittoError
from engine.events import Stems, Take
from engine.request import LAYERS, LoopRequest
from engine.settings import Settings
from midi.files.file_part import existing, split_file_part

_MAX_NUMBERS = 10_000
_FRAME_BYTES = 2 * 3  # stereo in 24 bits
_NAMED = "Name it loop.wav."


@dataclass(frozen=True, slots=True)
class WrittenTake:
    """A take that is on disk."""

    path: Path
    take: Take
    samples: int
    stems: Stems | None = None
    midi: Path | None = None

    @property
    def files(self) -> dict[str, Path]:
        """Where the stems are, by layer."""
        return {layer: stem_of(self.path, layer) for layer in (self.stems.layers if self.stems else ())}


@dataclass(slots=True)
class TakeWriter:
    """Writes the takes of a request as files; `kept` has those that are written, best first.

    `out` is `loop.wav`, from which several takes become `loop-1.wav` to `loop-4.wav`; without it they go to
    the takes folder under names of their own. `inputs` are files that the loop is made from. `with_midi`
    writes the transcription of each, which its notes name.
    """

    request: LoopRequest
    settings: Settings
    out: Path | None
    inputs: tuple[Path, ...] = ()
    overwrite: bool = False
    with_midi: bool = False
    kept: list[WrittenTake] = field(default_factory=list)
    _base: Path | None = None  # `out`, or the free name that stands for it

    def keep(self, take: Take, stems: Stems | None = None) -> None:
        """Write the take with all that goes with it; raise `BadInputError` where that fails."""
        midi = b""
        if self.with_midi:
            from bridge.takes.transcribed_midi import (
                transcribed_midi,  # here, because few ask for it, and it loads a listener
            )

            transcription = transcribed_midi(self.request, take.sound, stems)
            midi, take = transcription.data, msgspec.structs.replace(take, notes=(*take.notes, transcription.sentence))
        try:
            if self.out is None:
                path = Path(delivery.write_take(self.settings.takes, self.request, take, stems, midi=midi).path)
            else:
                path = self._write_out(self.out, take, stems, midi)
        except BadInputError as error:
            if not self.kept:
                raise
            before = ", ".join(str(kept.path) for kept in self.kept)
            remedy = f"{error.remedy} What was made before is there: {before}."
            raise BadInputError(error.sentence, remedy=remedy) from error
        samples = delivery.samples_of(take.sound).shape[1]
        self.kept.append(WrittenTake(path, take, samples, stems, path.with_suffix(".mid") if midi else None))

    @property
    def remark(self) -> str:
        """A sentence on the other name that the takes got because theirs was taken, else an empty text."""
        if self.out is None or self._base in (None, self.out) or not self.kept:
            return ""
        names = " and ".join(kept.path.name for kept in self.kept[:2]) if len(self.kept) < 3 else "these takes"
        verb = "is" if len(self.kept) == 1 else "are"
        there = self._in_the_way(self.out)
        return f"{there} exists and was not changed; {names} {verb} new. --overwrite replaces it."

    def _in_the_way(self, out: Path) -> str:
        """Return the name of the file for which the takes have another name: a WAV, or what lies beside one."""
        count = self.request.count
        wavs = [out] if count == 1 else [out.with_stem(f"{out.stem}-{number + 1}") for number in range(count)]
        found = (file.name for wav in wavs for file in (wav, *companions(wav)) if file.exists())
        return next(found, out.name)

    def beside(self, path: Path) -> Path:
        """Return where a file that goes with the takes may be written, as a report: a free name of the same number."""
        number = "" if self._base is None or self.out is None else self._base.stem[len(self.out.stem) :]
        named = path.with_stem(path.stem + number)
        if self.overwrite or not named.exists():
            return named
        return next(free for free in numbered(path) if not free.exists())

    def _write_out(self, out: Path, take: Take, stems: Stems | None, midi: bytes) -> Path:
        bases = iter([out]) if self.overwrite else numbered(out)
        if self._base is not None:
            bases = iter([self._base])
        for base in bases:
            path = base if self.request.count == 1 else base.with_stem(f"{base.stem}-{len(self.kept) + 1}")
            if not self.overwrite and taken(path):
                if self._base is None:
                    continue
                path = next(free for free in numbered(path) if not taken(free))
            if self._write_at(path, take, stems, midi):
                self._base = base
                return path
        raise BadInputError(f"{out} and {_MAX_NUMBERS} names like it are taken.", remedy="Choose another name.")

    def _write_at(self, path: Path, take: Take, stems: Stems | None, midi: bytes) -> bool:
        """Write a take's files; return whether that could be: another program may have taken the name since."""
        try:
            delivery.write_files(path, self.request, take, stems, midi=midi, overwrite=self.overwrite)
        except DittoError:
            if not self.overwrite and taken(path):
                return False
            raise
        return True


def take_writer(
    out: Path | None,
    request: LoopRequest,
    settings: Settings,
    *,
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
    midi: bool = False,
) -> TakeWriter:
    """Return a writer for the takes of `request`; raise `BadInputError` if a file cannot be written or replaced."""
    made_from = tuple(inputs)
    if out is None:
        check_writable(settings.takes / "take.wav", "--out")
        _check_room(settings.takes, request)
        return TakeWriter(request, settings, None, with_midi=midi)
    out = _as_wav(out)
    check_writable(out, "--out")
    _check_room(out.absolute().parent, request)
    if overwrite:
        stems = (f"{out.stem}-{number + 1}" for number in range(request.count))
        for path in [out] if request.count == 1 else [out.with_stem(stem) for stem in stems]:
            _refuse_to_replace(path, made_from, stems=request.stems, midi=midi)
    return TakeWriter(request, settings, out, made_from, overwrite, midi)


def _check_room(folder: Path, request: LoopRequest) -> None:
    """Raise `BadInputError` where the WAVs that `request` makes for certain do not fit on the disk of `folder`."""
    sounds = request.count * (1 + len(request.layers) * request.stems)
    needed = sounds * request.samples * _FRAME_BYTES
    try:
        free = disk_free_bytes(folder)
    except OSError:  # a share that does not tell
        return
    if free < needed:
        raise BadInputError(
            f"{folder} has room for {free / 1e6:,.1f} MB, and its files take {needed / 1e6:,.1f} MB at least.",
            remedy="Make room on that disk, or choose another folder with --out.",
        )


def named_files(settings: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files that settings name, with or without a part behind a `#`."""
    found = (existing(split_file_part(str(text)).path) for text in settings.values() if text)
    return tuple(path for path in found if path is not None)


def numbered(path: Path) -> Iterable[Path]:
    """Yield `loop.wav`, `loop-2.wav`, `loop-3.wav` and so on."""
    yield path
    for number in range(2, _MAX_NUMBERS):
        yield path.with_stem(f"{path.stem}-{number}")


def taken(path: Path) -> bool:
    """Whether a file of this name, or one that would go with it, is there."""
    return path.exists() or any(companion.exists() for companion in companions(path))


def _refuse_to_replace(path: Path, inputs: Iterable[Path], *, stems: bool, midi: bool) -> None:
    """Raise `BadInputError` where a file that would be replaced is an input, or belongs to no take."""
    own = delivery.extras_of(path)
    for target in (path, *companions(path)):
        is_replaced = stems or target == path or target.suffix != path.suffix or target in own
        for made_from in inputs if is_replaced else ():
            if _is_same(target, made_from):
                raise BadInputError(
                    f"{target} is what the loop is made from; it is never overwritten.",
                    remedy="Name another file with --out.",
                )
    sidecar = path.with_suffix(".json")
    others = [] if is_sidecar(sidecar) else [sidecar, path.with_suffix(".safetensors")]
    others += [path.with_suffix(".mid")] if midi else []
    others += [stem_of(path, layer) for layer in LAYERS] if stems else []
    if others := [one for one in others if one.exists() and one not in own]:
        raise BadInputError(
            f"{others[0]} would be overwritten, and it belongs to no take.",
            remedy="Name another file with --out.",
        )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return one.absolute() == other.absolute()


def _as_wav(out: Path) -> Path:
    if str(out) == "-":
        raise BadInputError("A loop is files, WAV and record; it cannot go to standard output.", remedy=_NAMED)
    if out.suffix.lower() != ".wav" and out.is_dir():  # whose name may hold a dot
        return out / "loop.wav"
    if not out.suffix:
        if out.exists() and not out.is_file():
            check_writable(out, "--out")  # which refuses a device: its neighbour is not ours to write
        out = out.with_suffix(".wav")
    if out.suffix.lower() != ".wav":
        raise BadInputError(f"{out} is not a .wav file; loops are written as WAV.", remedy=_NAMED)
    return out


def check_writable(path: Path, option: str) -> None:
    """Raise `BadInputError` where `path`, given with `option`, cannot be written; leave nothing behind."""
    try:
        if path.is_dir():
            raise BadInputError(f"{path} is a folder.", remedy=f"Name a file with {option}.")
        if path.exists() and not path.is_file():  # such as /dev/full: its neighbours are not ours to write
            raise BadInputError(f"{path} is no file.", remedy=f"Name a file with {option}.")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        with tempfile.NamedTemporaryFile(dir=folder, suffix=path.name[-200:]):  # the name is tried, too
            pass
    except (OSError, ValueError, StopIteration) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInputError(
            f"{path} cannot be written: {reason}.", remedy=f"Choose another folder or name with {option}."
        ) from error
