"""What follows the root in a chord's name: the steps that it stands for, and the name that stands for steps."""

import re

_MINOR, _MAJOR = (0, 3, 7), (0, 4, 7)
QUALITIES: dict[str, tuple[int, ...]] = {
    "": _MAJOR, "maj": _MAJOR, "M": _MAJOR, "m": _MINOR, "min": _MINOR, "-": _MINOR, "5": (0, 7),
    "dim": (0, 3, 6), "°": (0, 3, 6), "o": (0, 3, 6), "aug": (0, 4, 8), "+": (0, 4, 8),
    "sus2": (0, 2, 7), "sus4": (0, 5, 7), "sus": (0, 5, 7), "add9": (0, 2, 4, 7), "madd9": (0, 2, 3, 7),
    "6": (0, 4, 7, 9), "m6": (0, 3, 7, 9), "min6": (0, 3, 7, 9), "69": (0, 2, 4, 7, 9), "m69": (0, 2, 3, 7, 9),
    "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "M7": (0, 4, 7, 11), "Δ": (0, 4, 7, 11), "Δ7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10), "min7": (0, 3, 7, 10), "-7": (0, 3, 7, 10),
    "mmaj7": (0, 3, 7, 11), "mM7": (0, 3, 7, 11), "minmaj7": (0, 3, 7, 11),
    "m7b5": (0, 3, 6, 10), "ø": (0, 3, 6, 10), "ø7": (0, 3, 6, 10), "min7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9), "°7": (0, 3, 6, 9), "o7": (0, 3, 6, 9),
    "7sus4": (0, 5, 7, 10), "7sus": (0, 5, 7, 10), "9sus4": (0, 2, 5, 7, 10),
    "aug7": (0, 4, 8, 10), "+7": (0, 4, 8, 10), "7#5": (0, 4, 8, 10), "7b5": (0, 4, 6, 10),
    "7b9": (0, 1, 4, 7, 10), "7#9": (0, 3, 4, 7, 10), "m7b9": (0, 1, 3, 7, 10), "augmaj7": (0, 4, 8, 11),
    "sus#4": (0, 6, 7), "sus4b5": (0, 5, 6),
    "9": (0, 2, 4, 7, 10), "maj9": (0, 2, 4, 7, 11), "M9": (0, 2, 4, 7, 11), "m9": (0, 2, 3, 7, 10),
    "min9": (0, 2, 3, 7, 10), "11": (0, 2, 4, 5, 7, 10), "m11": (0, 2, 3, 5, 7, 10), "13": (0, 2, 4, 7, 9, 10),
    "m13": (0, 2, 3, 7, 9, 10), "maj13": (0, 2, 4, 7, 9, 11), "min11": (0, 2, 3, 5, 7, 10),
    "min13": (0, 2, 3, 7, 9, 10), "M13": (0, 2, 4, 7, 9, 11), "7#11": (0, 4, 6, 7, 10), "7b13": (0, 4, 7, 8, 10),
    "maj7#11": (0, 4, 6, 7, 11), "M7#11": (0, 4, 6, 7, 11), "mmaj9": (0, 2, 3, 7, 11),
    "2": (0, 2, 4, 7), "add2": (0, 2, 4, 7), "madd2": (0, 2, 3, 7), "add11": (0, 4, 5, 7), "add4": (0, 4, 5, 7),
    "madd11": (0, 3, 5, 7), "madd4": (0, 3, 5, 7), "7alt": (0, 3, 4, 8, 10), "alt": (0, 3, 4, 8, 10),
}  # fmt: skip
"""Semitones above the root, by the text that follows the root in a chord."""
_NAMES = {frozenset(steps): name for name, steps in reversed(QUALITIES.items()) if name not in ("maj", "M", "-")}
_FIFTH = 7
_LEFT_OUT = "no5"
_DEGREES = {"2": 2, "3": 4, "4": 5, "5": 7, "6": 9, "9": 2, "11": 5, "13": 9}  # semitones of the major scale's own
_CLOSED, _OPENED = re.compile(r"[(),]"), re.compile(r"[(,]+")
_TONES = re.compile(r",?(?:no|omit)[35]|(?:,?(?:add)?[b#]|,?add|,)(?:2|4|5|6|9|11|13)")
_TONES_ALONE = re.compile(f"(?:{_TONES.pattern})+")


def name_of(steps: frozenset[int]) -> str | None:
    """Return the name of a chord's steps, in semitones above its root, that `steps_of` reads as just these.

    None where there is none; three notes or more of a chord with a name may leave out its fifth, as `m9no5` does.
    """
    if steps in _NAMES:
        return _NAMES[steps]
    whole = _NAMES.get(steps | {_FIFTH})
    return None if whole is None or len(steps) < len(_MAJOR) else f"{whole}{_LEFT_OUT}"


def steps_of(quality: str) -> tuple[int, ...] | None:
    """Return the semitones above the root that a name stands for, None for one that is not known.

    Tones may follow it, in brackets, too: `7(b9,#11)`, `maj7(9)`, `7no5`. A raised or lowered one takes the place
    of the plain one.
    """
    plain = _CLOSED.sub("", quality)
    if plain in QUALITIES:
        return QUALITIES[plain]
    apart = _OPENED.sub(",", quality).replace(")", "")
    for end in range(len(apart), -1, -1):  # 7b9 with #11, not 7 with both
        if apart[:end] in QUALITIES and _TONES_ALONE.fullmatch(apart[end:]):
            steps = set(QUALITIES[apart[:end]])
            for tone in _TONES.findall(apart[end:]):
                _change(steps, tone)
            return tuple(sorted(steps))
    return None


def _change(steps: set[int], tone: str) -> None:
    """Add a tone such as `b9`, `,13` or `add11` to a chord's steps, or take one out, as `no5` does."""
    number = tone.lstrip("nomitad,b#")
    step = _DEGREES[number]
    if tone.lstrip(",").startswith(("no", "omit")):
        steps -= {3, 4} if number == "3" else {step}
        return
    bend = tone.count("b") - tone.count("#")
    if bend:  # an altered tone takes the place of the plain one
        steps.discard(step)
    steps.add(step - bend)
