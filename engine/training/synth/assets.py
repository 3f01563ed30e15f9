"""The optional asset pack: one-shots, multisamples and single cycles, read when first used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile

from .ledger import LICENCES, source_of
from .sounds.waveforms import SAMPLE_RATE, FloatArray
from .splits import is_held_out

_LIBRE: Final = "one-shots/libre"
_808: Final = "one-shots/tr808"
_KIT: Final = "one-shots/gogodze/kit"
_POOLS: Final[dict[str, tuple[str, ...]]] = {
    "kick": (f"{_LIBRE}/kicks/*.flac",),
    "edm-kick": ("one-shots/meadowlark/kick/*.flac", f"{_LIBRE}/kicks/*Kick*.flac"),
    "snare": (f"{_LIBRE}/snares/*.flac",),
    "clap": (f"{_LIBRE}/claps/*.flac", f"{_808}/cp8/*.flac"),
    "hat": (f"{_LIBRE}/hi-hats/ch_*.flac",),
    "open": (f"{_LIBRE}/hi-hats/*[!0-9]_Hat_*.flac", f"{_808}/oh8/*.flac"),
    "rim": (f"{_LIBRE}/rimshots/*.flac",),
    "perc": (f"{_LIBRE}/perc/*.flac",),
    "fx": (f"{_LIBRE}/fx-others/*.flac",),
    "808-kick": (f"{_808}/bd8/*.flac",),
    "808-snare": (f"{_808}/sd8/*.flac",),
    "808-clap": (f"{_808}/cp8/*.flac",),
    "808-hat": (f"{_808}/ch8/*.flac",),
    "808-open": (f"{_808}/oh8/*.flac",),
    "808-cymbal": (f"{_808}/cy8/*.flac",),
    "808-tom": (f"{_808}/[hml]t8/*.flac",),
    "808-conga": (f"{_808}/[hml]c8/*.flac",),
    "808-cowbell": (f"{_808}/cb8/*.flac",),
    "808-maracas": (f"{_808}/ma8/*.flac",),
    "808-rim": (f"{_808}/rs8/*.flac",),
    "acoustic-kick": (f"{_KIT}/ks_*.flac",),
    "acoustic-snare": (f"{_KIT}/s[ce]_*.flac",),
    "acoustic-rim": (f"{_KIT}/ss_*.flac",),
    "acoustic-hat": (f"{_KIT}/h[chl]_*.flac",),
    "acoustic-open": (f"{_KIT}/ho_*.flac",),
    "acoustic-cymbal": (f"{_KIT}/ho_*.flac",),
    "acoustic-tom": (f"{_KIT}/t[hlm]_*.flac",),
}
_INSTRUMENTS: Final[dict[str, tuple[str, str, int]]] = {
    "CP80": ("keys/CP80", "[0-9]*-F.flac", 0),
    "Pianet-T": ("keys/Pianet-T", "*.flac", 0),
    "Wurlitzer-EP200": ("keys/Wurlitzer-EP200", "*[0-9]f.flac", 0),
    "upright-piano": ("keys/upright-piano", "*.flac", 0),
    "fashionbass": ("bass/fashionbass", "*_f_*.flac", 0),
    "fretless": ("bass/fretless", "*_finger_long_neck.flac", 0),
    "synth-bass-1": ("bass/synth-bass-1", "*.flac", 0),
    "synth-bass-2": ("bass/synth-bass-2", "*.flac", -12),
    "lately-bass": ("bass/lately-bass", "*.flac", 0),
    "synth-bass-lead": ("bass/synth-bass-lead", "*.flac", 0),
    "new-age": ("pads/new-age", "*.flac", 0),
    "synth-pad-bowed": ("pads/synth-pad-bowed", "*L.flac", 0),
    "synth-pad-choir": ("pads/synth-pad-choir", "*.flac", 0),
}
"""Folder, files, and semitones to add to the pitch in the name, where the maker counts octaves otherwise."""
_NOTE: Final = re.compile(r"(?:^|[-_]|\d)([A-Ga-g])(b|_|s)?(-?\d)")
_CLASSES: Final = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}


class Assets:
    """A folder of licensed sounds. Cheap to make and to pickle; each file is decoded once a process."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"The asset folder {self.folder} does not exist.")
        self._sounds: dict[str, FloatArray] = {}
        self._pools: dict[tuple[str, bool], list[str]] = {}
        self._maps: dict[str, list[tuple[int, str]]] = {}
        self._cycles: FloatArray | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Assets, (str(self.folder),)

    def one_shot(self, pool: str, choice: float, held_out: bool) -> FloatArray | None:
        """Return a hit [channels, samples] of the pool by a number 0..1, or None where it is empty."""
        key = (pool, held_out)
        if key not in self._pools:
            self._pools[key] = _of_split(self._listed(_POOLS[pool]), held_out)
        names = self._pools[key]
        return self.sound(names[int(choice * len(names))]) if names else None

    def note(self, instrument: str, pitch: int) -> tuple[FloatArray, float] | None:
        """Return the nearest recorded note and the speed that brings it to `pitch`, or None."""
        if instrument not in self._maps:
            self._maps[instrument] = self._pitch_map(instrument)
        recorded = self._maps[instrument]
        if not recorded:
            return None
        root, name = min(recorded, key=lambda entry: abs(entry[0] - pitch))
        return self.sound(name), 2.0 ** ((pitch - root) / 12)

    def cycle(self, identity: int) -> FloatArray | None:
        """One single-cycle waveform [1024], or None where the pack has none."""
        if self._cycles is None:
            self._cycles = self._read_cycles()
        return self._cycles[identity] if identity < len(self._cycles) else None

    def sound(self, name: str) -> FloatArray:
        """Return a file [channels, samples]; its silent start is cut, its peak is 1."""
        if name not in self._sounds:
            _check_licence(name)
            audio, sample_rate = soundfile.read(self.folder / name, dtype="float32", always_2d=True)
            if sample_rate != SAMPLE_RATE:
                raise ValueError(f"{name} has {sample_rate} Hz; the pack is {SAMPLE_RATE} Hz throughout.")
            self._sounds[name] = _trimmed(np.ascontiguousarray(audio.T))
        return self._sounds[name]

    def _listed(self, patterns: tuple[str, ...]) -> list[str]:
        paths = {path.relative_to(self.folder).as_posix() for pattern in patterns for path in self.folder.glob(pattern)}
        return sorted(paths)

    def _pitch_map(self, instrument: str) -> list[tuple[int, str]]:
        folder, files, shift = _INSTRUMENTS[instrument]
        return [(note_in_name(Path(name).stem) + shift, name) for name in self._listed((f"{folder}/{files}",))]

    def _read_cycles(self) -> FloatArray:
        path = self.folder / "akwf.npz"
        if not path.is_file():
            return np.zeros((0, 1024), np.float32)
        _check_licence("akwf.npz")
        with np.load(path) as pack:
            return pack["X"].astype(np.float32) / np.float32(32768)


def note_in_name(stem: str) -> int:
    """MIDI number of the note in a sample's name: `F_3vH` (F sharp 3), `ab2_f_rr1`, `29_F1_FF`; C4 is 60."""
    found = _NOTE.search(stem)
    if found is None:
        raise ValueError(f"No note in the name {stem!r}; expected one such as C4, F_3 or ab2.")
    letter, accidental, octave = found.groups()
    sign = {None: 0, "b": -1, "_": 1, "s": 1}[accidental]
    return 12 * (int(octave) + 1) + _CLASSES[letter.lower()] + sign


def _check_licence(name: str) -> None:
    source = source_of(name)
    if source is None or source.licence not in LICENCES:
        raise PermissionError(f"{name} has no entry in the ledger with a licence that allows training.")


def _of_split(names: list[str], held_out: bool) -> list[str]:
    """One file in ten is kept for held-out kits; a pool under ten files is shared."""
    if len(names) < 10:
        return names
    return [name for index, name in enumerate(names) if is_held_out(index) == held_out]


def _trimmed(audio: FloatArray) -> FloatArray:
    peak = float(np.abs(audio).max()) + 1e-9
    loud = np.flatnonzero(np.abs(audio).max(axis=0) > 0.02 * peak)
    start = max(0, int(loud[0]) - 8) if len(loud) else 0
    return np.ascontiguousarray(audio[:, start:] / peak)
