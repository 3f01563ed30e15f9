"""What a prompt leaves open, the seed decides: everything else that is usually true of such a loop.

"House" alone says little, and a model makes the average of all house of it. So a prompt is completed
from a repertoire: the words and keys of the loops that `pocket` has learnt from. Among those that have what was asked
for, the seed picks one, and what the prompt says nothing about is taken from it. The same seed takes the same.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from midi.key import MODES as MODES_OF_KEYS
from midi.key import Key

from ..takes.noise import OpenSeeds
from .words import DRUMS, PACES, WORD_IDS, WORDS, pace

MODES: Final = tuple(MODES_OF_KEYS)
FEWEST: Final = 24  # so many loops to pick from, if need be with fewer of the words asked for
FIRST: Final = 100  # what kind of loop it is counts before any number of words about its sound
BEATLESS: Final = frozenset({"ambient", "cinematic"})  # nobody misses drums there
TONALITIES: Final = ("major", "minor", "modal")
# What a loop does over time is the automation's to say, and loudness the prompt's; the metre is given.
NEVER_DRAWN: Final = frozenset(
    {"build", "fade out", "swell", "breakdown", "fill", "dynamic", "steady", "quiet", "loud", "odd meter", "waltz"}
)


@dataclass(frozen=True, slots=True)
class Completed:
    """A whole loop in words: ids, sorted, and the key, None where it is left open or nothing is tonal.

    `example` is the loop of the repertoire that the rest is taken from, None where there is none.
    """

    ids: tuple[int, ...]
    key: Key | None
    example: int | None = None


@dataclass(frozen=True, slots=True)
class Repertoire:
    """Loops as what is said of them: `said` [loops, words], `tonics` [loops] (-1 is atonal), `modes` [loops]."""

    said: NDArray[np.bool_]
    tonics: NDArray[np.int8]
    modes: NDArray[np.int8]  # places in `MODES`

    def complete(
        self,
        asked: tuple[int, ...],
        avoided: tuple[int, ...],
        seeds: OpenSeeds,
        *,
        tempo_bpm: float,
        key: Key | None,
        draws_key: bool = True,
        is_open: bool = False,
    ) -> Completed:
        """Return `asked` with what the loop that `seeds.words` picks says in groups of words that it leaves out.

        `key` stays if it is given, else it is that of the loop that `seeds.key` picks; without `draws_key`, where notes
        bring their own, none is drawn. Instruments are
        drawn for a whole mix or a layer, but not beside those that are named: "house drums and bass" is just that. A
        genre that lives by its beat, and instruments but no drums ("boom bap, rhodes"), are a whole mix that has them;
        so is "a chill beat", `is_open`, which names drums and means a loop. Nothing of `avoided` is ever drawn.
        """
        said, texts = {WORDS[word].group for word in asked}, {WORDS[word].text for word in asked}
        if is_open or ("genre" in said and "layer" not in said and not texts & (DRUMS | BEATLESS)):
            said -= {"instrument"}
        wanted = set(asked) if said & {"layer", "instrument"} else {*asked, WORD_IDS["full mix"]}
        index, home = (self._pick(wanted, set(avoided), seed) for seed in (seeds.words, seeds.key))
        if index is None or home is None:
            return Completed(asked, key)
        example = set(np.flatnonzero(self.said[index]).tolist())
        said |= {"layer"} if "instrument" in said else set()
        said |= {"instrument"} if any(WORDS[word].group == "layer" for word in wanted - example) else set()
        drawn = {word for word in example if WORDS[word].group not in said and WORDS[word].text not in NEVER_DRAWN}
        drawn -= {*avoided, *(WORD_IDS[word] for word in PACES)}
        if not any(WORDS[word].text in PACES for word in asked):
            drawn.add(WORD_IDS[pace(tempo_bpm)])
        tonic = int(self.tonics[home])
        if key is not None or not draws_key or home != index:
            drawn -= {WORD_IDS[word] for word in TONALITIES}
        if key is None and draws_key and min(tonic, int(self.tonics[index])) >= 0 and "harmony" not in said:
            key = Key(tonic, MODES[self.modes[home]])
        return Completed(tuple(sorted({*asked, *drawn})), key, index)

    def _pick(self, wanted: set[int], avoided: set[int], seed: int) -> int | None:
        """Return the loop that `seed` picks among those that have most of `wanted` and least of `avoided`."""
        weights = [FIRST if WORDS[word].group in ("genre", "layer") else 1 for word in sorted(wanted)]
        matched = self.said[:, sorted(wanted)] @ np.array(weights)
        unwanted = self.said[:, sorted(avoided)].sum(1)
        if (unwanted == 0).any():
            matched[unwanted > 0] = -1
        else:  # "only pads" keeps away from more than any loop does
            matched = matched - unwanted + int(unwanted.max(initial=0))
        fewest = min(FEWEST, int((matched >= 0).sum()))
        if not fewest:
            return None
        least = np.sort(matched)[-fewest]
        return int(np.random.default_rng(seed).choice(np.flatnonzero(matched >= least)))

    def save(self, file: Path) -> None:
        """Write the repertoire, words as bits."""
        save_file({"said": np.packbits(self.said, axis=1), "tonics": self.tonics, "modes": self.modes}, file)

    @classmethod
    def load(cls, file: Path) -> "Repertoire":
        """Read what `save` wrote."""
        tensors = load_file(file)
        said = np.unpackbits(tensors["said"], axis=1, count=len(WORDS)).astype(bool)
        return cls(said, tensors["tonics"], tensors["modes"])
