"""Which layers a loop has, the words of each, and its chords: from the words, and for the rest from the seed.

As a whole loop is completed from the repertoire of loops that `pocket` has learnt from, so are its layers: the loop
that the seed picks says which there are, which words are whose, and which chords they play. What was said stays, and
goes to the layers that it is usually said of.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from midi.chords.text import Chord, ChordSpan
from midi.key import MODES, Key

from ..errors import BadRequestError
from ..takes.noise import OpenSeeds
from .layers import LAYERS, Layer
from .repertoire import NEVER_DRAWN, Completed, Repertoire
from .words import PACES, WORD_IDS, WORDS

FILE: Final = "layers.safetensors"
CHORDS_KEPT: Final = 16  # of a loop
PARTS: Final = 48  # of a loop, on which chords begin
OWNS: Final = 0.3  # a word is a layer's if it holds for so much of such layers in loops that have it
PRESENT: Final = {
    Layer.DRUMS: frozenset(
        {"drums", "kick", "snare", "clap", "rimshot", "hats", "open hat", "cymbal", "toms", "drums only",
         "drums and bass only"}
    ),
    Layer.PERCUSSION: frozenset({"cowbell", "shaker", "congas"}),
    Layer.BASS: frozenset(
        {"bass", "sub bass", "808", "acid bass", "reese bass", "wobble bass", "synth bass", "electric bass", "log drum",
         "bass only", "drums and bass only"}
    ),
    Layer.CHORDS: frozenset({"chords", "chords only"}),
    Layer.LEAD: frozenset({"lead", "melody", "arpeggio", "melody only"}),
    Layer.TEXTURE: frozenset({"texture", "vinyl", "noise", "riser", "drone", "texture only"}),
}  # fmt: skip
"""Words that say that a layer is there."""
_ALONE: Final = {
    Layer.DRUMS: "drums only", Layer.PERCUSSION: "drums only", Layer.BASS: "bass only", Layer.CHORDS: "chords only",
    Layer.LEAD: "melody only", Layer.TEXTURE: "texture only",
}  # fmt: skip
_OWN: Final = {
    Layer.DRUMS: ("drums",), Layer.PERCUSSION: ("drums", "percussion"), Layer.BASS: ("bass",),
    Layer.CHORDS: ("chords",), Layer.LEAD: ("melody",), Layer.TEXTURE: ("texture",),
}  # fmt: skip
_ABSENT: Final = {
    "no drums": (Layer.DRUMS, Layer.PERCUSSION), "no bass": (Layer.BASS,), "no chords": (Layer.CHORDS,),
    "no melody": (Layer.LEAD,),
}  # fmt: skip
_NAMES: Final = {
    "drums": Layer.DRUMS, "percussion": Layer.PERCUSSION, "bass": Layer.BASS, "chords": Layer.CHORDS,
    "melody": Layer.LEAD, "lead": Layer.LEAD, "texture": Layer.TEXTURE,
}  # fmt: skip
USUAL: Final = (Layer.CHORDS, Layer.BASS, Layer.LEAD, Layer.DRUMS)  # what a loop of few words has first
_WHOLE: Final = (Layer.BASS, Layer.CHORDS)  # what "a chill beat" has beside its drums
FEWEST_LAYERS: Final = 3  # of a loop whose words do not ask for fewer, as "piano solo" and "drums only" do
_STRUCTURE: Final = "layer"  # the group of words that say which layers there are


def left_out(asked: Iterable[int], declined: Iterable[int] = ()) -> set[Layer]:
    """Return the layers that words leave out: as "no bass" does, which is asked, or as those that are `declined`.

    What is asked by name stays: percussion where the drums go, arpeggios where the lead does.
    """
    said = {WORDS[word].text for word in asked}
    named = {_NAMES[WORDS[word].text] for word in declined if WORDS[word].text in _NAMES}
    found = {layer for layer in named if not said & PRESENT[layer]}
    found |= {layer for text, some in _ABSENT.items() if text in said for layer in some}
    return found - {Layer.PERCUSSION} if said & {*PRESENT[Layer.PERCUSSION], "percussion"} else found


def sounding(chords: Iterable[ChordSpan]) -> bool:
    """Whether any of `chords` is no rest."""
    return any(span.chord.pitch_classes for span in chords)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The layers of one loop, in order, each with all that is said of it; and its chords, none where there are none."""

    words: dict[Layer, tuple[int, ...]]
    key: Key | None
    chords: tuple[ChordSpan, ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Return the layers that sound."""
        return tuple(self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a loop is arranged for; `layers` says which it has, else words and seed do.

    `asked` and `avoided` are word numbers. The layers of a take that it begins from are `kept`, with the words that
    they had for that. Those `needed` are there whatever is drawn, unless the words, or those `declined`, leave them
    out; with `is_open` ("a chill beat") so are bass and chords. With `is_only` no others are drawn. Without `chords`
    they are the picked loop's, in `key` or its own.
    """

    asked: tuple[int, ...]
    avoided: tuple[int, ...]
    tempo_bpm: float
    key: Key | None
    bars: int
    beats_per_bar: Fraction
    layers: Collection[Layer] = ()
    kept: Collection[Layer] = ()
    needed: Collection[Layer] = ()
    chords: tuple[ChordSpan, ...] = ()
    draws_key: bool = True
    is_open: bool = False
    is_only: bool = False
    declined: tuple[int, ...] = ()


class StoredWords(msgspec.Struct, frozen=True, array_like=True):
    """The words that were said and those that were refused, as word numbers, in the form of a take's file."""

    said: tuple[int, ...]
    refused: tuple[int, ...]


class LayerConditioning(msgspec.Struct, frozen=True):
    """What conditioned the layers of a take, as it is stored; `asked` is what the request's words said."""

    asked: StoredWords
    words: dict[str, tuple[int, ...]]
    key: str = ""
    chords: tuple[tuple[str, str, int, tuple[int, ...], int], ...] = ()  # beat, beats, root, pitch classes, bass
    is_limited: bool | None = None  # whether their mix passed a limiter; earlier takes do not say

    @classmethod
    def of(cls, plan: Arrangement, asked: StoredWords, *, is_limited: bool) -> "LayerConditioning":
        """Return that of the layers of `plan`; a chord's text would not say which of its notes are left out."""
        words = {layer.value: said for layer, said in plan.words.items()}
        chords = (
            (str(one.beat), str(one.beats), one.chord.root, tuple(sorted(one.chord.pitch_classes)), one.chord.bass)
            for one in plan.chords
        )
        return cls(asked, words, "" if plan.key is None else str(plan.key), tuple(chords), is_limited)

    def again(
        self,
        plan: Arrangement,
        layers: Collection[str],
        key: Key | None,
        beats: Fraction,
        chords: Sequence[ChordSpan] = (),
    ) -> Arrangement:
        """Return `plan` with the words that `layers` had before; a `key` or `chords` that are asked for now stay.

        The chords of before sound when they did, in a loop of so many `beats`: at double tempo it has twice as many.
        """
        own = {Layer(name): tuple(one for one in self.words[name] if one < len(WORDS)) for name in layers}
        words = {layer: own.get(layer, said) for layer, said in plan.words.items()}
        if chords or not self.key or (key is not None and str(key) != self.key):
            return replace(plan, words=words)
        return Arrangement(words, Key.parse(self.key), self._spans(beats))

    def is_in_tune_with(self, plan: Arrangement) -> bool:
        """Whether `plan` has the key and the chords of before."""
        own = self._spans(_end_of(plan.chords)) if plan.chords else self._spans()
        return ("" if plan.key is None else str(plan.key)) == self.key and plan.chords == own

    def _spans(self, over: Fraction | None = None) -> tuple[ChordSpan, ...]:
        """Return the chords, spread `over` so many beats where given."""
        spans = tuple(
            ChordSpan(Fraction(beat), Fraction(beats), Chord(root, frozenset(classes), bass))
            for beat, beats, root, classes, bass in self.chords
        )
        if over is None or not spans or _end_of(spans) == over:
            return spans
        ratio = over / _end_of(spans)
        return tuple(ChordSpan(span.beat * ratio, span.beats * ratio, span.chord) for span in spans)


def _end_of(spans: Sequence[ChordSpan]) -> Fraction:
    return max(span.beat + span.beats for span in spans)


@dataclass(frozen=True, slots=True)
class ChordBook:
    """The chords of loops as degrees of their key's scale.

    `rows` [loops, CHORDS_KEPT, 4] are a chord's start in 48ths of the loop (-1 is none), the degree of its root, 0 to
    6, all degrees that sound, as bits, and that of its bass; `bars` [loops] is how many the loop has.
    """

    rows: NDArray[np.int16]
    bars: NDArray[np.int8]

    @property
    def tonal(self) -> NDArray[np.bool_]:
        """Return which loops have chords [loops]."""
        return np.asarray(self.rows[:, 0, 0] >= 0)

    def spans(self, index: int, key: Key, bars: int, beats_per_bar: Fraction) -> tuple[ChordSpan, ...]:
        """Return the chords of loop `index` in `key`, bar for bar, over a loop of so many bars."""
        own_bars = int(self.bars[index])
        parts = [tuple(int(value) for value in row) for row in self.rows[index] if row[0] >= 0]
        starts = [Fraction(part[0], PARTS) * own_bars for part in parts]
        spans: list[ChordSpan] = []
        for turn in range(0, bars, own_bars):
            for part, start, end in zip(parts, starts, [*starts[1:], Fraction(own_bars)], strict=True):
                first, last = (min(turn + place, Fraction(bars)) for place in (start, end))
                if last > first:
                    chord = _in_key(part[1:], key)
                    spans.append(ChordSpan(first * beats_per_bar, (last - first) * beats_per_bar, chord))
        return tuple(spans)


@dataclass(frozen=True)
class LayerRepertoire:
    """Loops as what is said of each layer, and their chords.

    `whole` is what is said of each loop, `said` [loops, layers, words] of its layers, nothing of those that it does
    not have.
    """

    whole: Repertoire
    said: NDArray[np.bool_]
    chords: ChordBook

    @cached_property
    def owners(self) -> NDArray[np.bool_]:
        """Return which layers a word is said of [words, layers]: where loops have both, of at least `OWNS`."""
        there = self.said.any(2)  # [loops, layers]
        of_layer = np.einsum("nlw->wl", self.said, dtype=np.float64)
        beside = np.einsum("nw,nl->wl", self.whole.said, there, dtype=np.float64)
        return np.asarray(of_layer >= OWNS * np.maximum(beside, 1))

    def arrange(self, wanted: Wanted, seeds: OpenSeeds) -> Arrangement:
        """Return the arrangement of a loop; where all chords are rests, no layer is drawn to play them.

        Raises `BadRequestError` where no layer is left.
        """
        asked, avoided, chords = wanted.asked, wanted.avoided, wanted.chords
        said = tuple({*asked, *(WORD_IDS[word] for layer in wanted.layers for word in _OWN[layer])})
        completed = self.whole.complete(
            said, avoided, seeds, tempo_bpm=wanted.tempo_bpm, key=wanted.key, draws_key=wanted.draws_key,
            is_open=wanted.is_open,
        )  # fmt: skip
        present = tuple(layer for layer in LAYERS if layer in (wanted.layers or wanted.kept))
        absent = left_out(asked, wanted.declined) | ({Layer.CHORDS} if chords and not sounding(chords) else set())
        needed = {*wanted.needed, *(_WHOLE if wanted.is_open else ())}
        present = present or _drawn_layers(self, asked, completed, needed, absent, is_only=wanted.is_only)
        if not present:
            raise BadRequestError("No layer is left to play.", remedy="Ask for fewer things to be left out.")
        words = {layer: self._words(layer, asked, avoided, completed, seeds.words) for layer in present}
        if not chords and completed.key is not None:
            index = _tonal_example(self, completed, seeds.words)
            chords = () if index is None else self.chords.spans(index, completed.key, wanted.bars, wanted.beats_per_bar)
        return Arrangement(words, completed.key, chords)

    def _words(
        self, layer: Layer, asked: tuple[int, ...], avoided: tuple[int, ...], completed: Completed, seed: int
    ) -> tuple[int, ...]:
        """Return the words of one layer: what was asked of it, and of the rest what a loop says of such a layer."""
        index = LAYERS.index(layer)
        owned = {word for word in asked if self.owners[word, index]}
        groups = {WORDS[word].group for word in owned} - {_STRUCTURE}
        example = _example(self, index, completed, seed)
        drawn = {
            word
            for word in np.flatnonzero(example).tolist()
            if WORDS[word].group not in groups and WORDS[word].text not in NEVER_DRAWN | set(PACES)
        }
        paces = {word for word in completed.ids if WORDS[word].text in PACES}
        own = {WORD_IDS[text] for text in (*_OWN[layer], "solo", _ALONE[layer])}
        genre = {word for word in completed.ids if WORDS[word].group == "genre"}
        drawn = {word for word in drawn if WORDS[word].group != "genre" or not genre} | genre
        return tuple(sorted(((drawn | paces) - set(avoided)) | owned | own))

    def save(self, file: Path) -> None:
        """Write the repertoire, words as bits."""
        save_file(
            {
                "whole": np.packbits(self.whole.said, axis=1),
                "tonics": self.whole.tonics,
                "modes": self.whole.modes,
                "said": np.packbits(self.said, axis=2),
                "chords": self.chords.rows,
                "bars": self.chords.bars,
            },
            file,
        )

    @classmethod
    def load(cls, file: Path) -> "LayerRepertoire":
        """Read what `save` wrote."""
        tensors = load_file(file)
        whole, said = (
            np.unpackbits(tensors[name], axis=-1, count=len(WORDS)).astype(bool) for name in ("whole", "said")
        )
        loops = Repertoire(whole, tensors["tonics"], tensors["modes"])
        return cls(loops, said, ChordBook(tensors["chords"], tensors["bars"]))


def _drawn_layers(
    repertoire: LayerRepertoire,
    asked: Iterable[int],
    completed: Completed,
    needed: Collection[Layer],
    absent: set[Layer],
    *,
    is_only: bool,
) -> tuple[Layer, ...]:
    """Return the layers of a loop that asks for none by name: those of its words, those `needed`, and drawn ones."""
    texts = {WORDS[word].text for word in completed.ids}
    present = {layer for layer, known in PRESENT.items() if texts & known} | set(needed)
    present -= absent
    others = [place for place, layer in enumerate(LAYERS) if layer not in absent]
    for word in asked:  # an instrument that is a role's of no other's: a piano plays chords, bells a melody
        owned = any(repertoire.owners[word, LAYERS.index(one)] for one in present)
        if WORDS[word].group == "instrument" and not owned:
            heard = repertoire.said[:, others, word].sum(0)
            present |= {LAYERS[others[int(heard.argmax())]]} if heard.any() else set()
    said = {WORDS[word].text for word in asked}
    # Nobody asks for a loop of one layer by naming an instrument, or by leaving another out.
    if not (is_only and present) and not any(text == "solo" or text.endswith("only") for text in said):
        drawn = () if completed.example is None else repertoire.said[completed.example].any(1)
        first = [layer for layer, there in zip(LAYERS, drawn, strict=False) if there]
        missing = [layer for layer in dict.fromkeys((*first, *USUAL)) if layer not in present | absent]
        present |= set(missing[: max(0, FEWEST_LAYERS - len(present))])
    return tuple(layer for layer in LAYERS if layer in present)


def _in_key(part: Sequence[int], key: Key) -> Chord:
    """Return the chord of a root, degrees as bits and a bass, in the scale of `key`."""
    root, bits, bass = part
    scale = [(key.tonic + step) % 12 for step in MODES[key.mode]]
    sounding = frozenset(scale[degree] for degree in range(7) if bits >> degree & 1)
    return Chord(scale[root], sounding | {scale[bass]}, scale[bass])


def _example(repertoire: LayerRepertoire, index: int, completed: Completed, seed: int) -> NDArray[np.bool_]:
    """Return what is said of such a layer: in the loop that was picked, or in one of its genre that has it."""
    if completed.example is not None and repertoire.said[completed.example, index].any():
        return np.asarray(repertoire.said[completed.example, index])
    genre = [word for word in completed.ids if WORDS[word].group == "genre"]
    having = repertoire.said[:, index].any(1)
    alike = having & repertoire.whole.said[:, genre].all(1)
    rows = np.flatnonzero(alike if alike.any() else having)
    return np.asarray(repertoire.said[np.random.default_rng(seed).choice(rows), index])


def _tonal_example(repertoire: LayerRepertoire, completed: Completed, seed: int) -> int | None:
    """Return the loop that was picked, or where it has no chords another, of its genre if there is one."""
    tonal = repertoire.chords.tonal
    if completed.example is not None and tonal[completed.example]:
        return completed.example
    genre = [word for word in completed.ids if WORDS[word].group == "genre"]
    alike = tonal & repertoire.whole.said[:, genre].all(1)
    rows = np.flatnonzero(alike if alike.any() else tonal)
    return int(np.random.default_rng(seed).choice(rows)) if len(rows) else None
