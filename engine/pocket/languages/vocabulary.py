"""The closed vocabulary of `pocket`: canonical words in their groups.

A word's id is its position in `_TABLE`, and trained weights depend on it: rows are only ever
appended at the end, never moved, renamed or removed.
"""

from __future__ import annotations

from typing import Final

import msgspec

# fmt: off
_TABLE: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("genre", (
        "house", "deep house", "tech house", "techno", "trance", "electro", "synthwave",
        "drum and bass", "jungle", "uk garage", "dubstep", "trap", "drill", "boom bap", "lo-fi",
        "r&b", "funk", "disco", "amapiano", "reggaeton", "ambient", "cinematic",
    )),
    ("instrument", (
        "drums", "kick", "snare", "clap", "rimshot", "hats", "open hat", "cymbal", "toms",
        "cowbell", "shaker", "congas", "percussion",
        "bass", "sub bass", "808", "acid bass", "reese bass", "wobble bass", "synth bass",
        "electric bass", "log drum",
        "chords", "pad", "stab", "pluck", "arpeggio", "lead", "melody", "bells", "organ",
        "electric piano", "piano", "strings", "brass", "choir", "guitar", "mallets", "supersaw",
        "synth", "keys", "texture", "vinyl", "noise", "riser", "drone",
    )),
    ("mood", (
        "dark", "bright", "warm", "cold", "dreamy", "aggressive", "chill", "melancholic",
        "uplifting", "happy", "tense", "mysterious", "hopeful", "romantic", "epic", "energetic",
        "calm", "dusty", "gritty", "nostalgic", "hypnotic", "groovy", "jazzy", "soulful", "eerie",
    )),
    ("timbre", (
        "punchy", "soft", "hard", "smooth", "fat", "thin", "plucky", "detuned", "distorted",
        "clean", "metallic", "glassy", "airy", "deep", "buzzy", "hollow", "resonant", "noisy",
        "muffled", "crisp", "wide", "narrow", "lush", "sustained", "staccato", "vintage",
        "acoustic", "sampled",
    )),
    ("effect", (
        "reverb", "dry", "delay", "chorus", "sidechain", "filter sweep", "bit crushed",
        "saturated", "tape", "tremolo", "vibrato", "glide",
    )),
    ("layer", (
        "full mix", "solo", "drums only", "bass only", "chords only", "melody only",
        "texture only", "drums and bass only", "no drums", "no kick", "no snare", "no hats",
        "no bass", "no chords", "no melody",
    )),
    ("density", (
        "sparse", "busy", "steady", "dynamic", "build", "fade out", "swell", "breakdown", "quiet",
        "loud", "fill",
    )),
    ("rhythm", (
        "four on the floor", "backbeat", "halftime", "breakbeat", "two step", "offbeat",
        "syncopated", "rolling", "hat rolls", "triplets", "swing", "straight", "odd meter",
        "waltz", "slow", "mid-tempo", "fast", "ghost notes",
    )),
    ("harmony", (
        "major", "minor", "modal", "sevenths", "power chords", "low register", "high register",
    )),
    ("kit", (
        "808 kit", "909 kit", "electronic kit", "acoustic kit", "lo-fi kit", "glitch kit",
    )),
)
# fmt: on


class Word(msgspec.Struct, frozen=True):
    """One row of the vocabulary: its id, its canonical spelling and its group."""

    id: int
    text: str
    group: str


WORDS: Final[tuple[Word, ...]] = tuple(
    Word(index, text, group)
    for index, (group, text) in enumerate((group, text) for group, texts in _TABLE for text in texts)
)
WORD_IDS: Final[dict[str, int]] = {word.text: word.id for word in WORDS}
GROUP_OF: Final[dict[str, str]] = {word.text: word.group for word in WORDS}
INSTRUMENTS: Final[tuple[str, ...]] = tuple(word.text for word in WORDS if word.group == "instrument")
DRUMS: Final = frozenset(INSTRUMENTS[: INSTRUMENTS.index("bass")])

PACES: Final = ("slow", "mid-tempo", "fast")
