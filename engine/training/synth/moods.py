"""What a mood does to a loop, so that the word can be heard and learnt."""

from __future__ import annotations

from typing import Final

import msgspec


class Mood(msgspec.Struct, frozen=True):
    """Shifts that a mood applies: filter brightness in octaves, the rest on a -1..1 scale."""

    brightness: float = 0.0
    minor: float = 0.0
    drive: float = 0.0
    reverb: float = 0.0
    density: float = 0.0
    lofi: float = 0.0
    swing: float = 0.0


MOODS: Final[dict[str, Mood]] = {
    "dark": Mood(brightness=-1.0, minor=1.0),
    "bright": Mood(brightness=1.0, minor=-0.6),
    "warm": Mood(brightness=-0.5, drive=0.15),
    "cold": Mood(brightness=0.5, minor=0.7, reverb=0.2),
    "dreamy": Mood(brightness=-0.2, reverb=0.7, density=-0.2),
    "aggressive": Mood(brightness=0.6, minor=0.7, drive=0.9, density=0.5, reverb=-0.3),
    "chill": Mood(brightness=-0.5, density=-0.5, reverb=0.2),
    "melancholic": Mood(brightness=-0.4, minor=1.0, density=-0.3, reverb=0.2),
    "uplifting": Mood(brightness=0.6, minor=-0.5, density=0.3, reverb=0.2),
    "happy": Mood(brightness=0.5, minor=-1.0, density=0.2),
    "tense": Mood(brightness=0.2, minor=1.0, drive=0.3, density=0.3),
    "mysterious": Mood(brightness=-0.6, minor=0.8, reverb=0.6, density=-0.4),
    "hopeful": Mood(brightness=0.3, minor=-0.9, reverb=0.3),
    "romantic": Mood(brightness=-0.3, minor=-0.2, reverb=0.4, density=-0.3),
    "epic": Mood(brightness=0.4, reverb=0.6, density=0.4, drive=0.2),
    "energetic": Mood(brightness=0.5, density=0.6, drive=0.2),
    "calm": Mood(brightness=-0.7, density=-0.8, reverb=0.4),
    "dusty": Mood(brightness=-0.8, lofi=1.0, drive=0.3),
    "gritty": Mood(drive=0.9, lofi=0.3),
    "nostalgic": Mood(brightness=-0.5, lofi=0.6, reverb=0.2),
    "hypnotic": Mood(brightness=-0.2, density=0.1, reverb=0.3),
    "groovy": Mood(swing=1.0, density=0.3),
    "soulful": Mood(brightness=-0.2, minor=0.1, swing=0.5),
    "eerie": Mood(brightness=-0.6, minor=1.0, reverb=0.7, density=-0.4),
    "punchy": Mood(drive=0.4, reverb=-0.5),
    "smooth": Mood(brightness=-0.5, drive=-0.3, reverb=0.3),
    "deep": Mood(brightness=-0.9, reverb=0.3),
}


def blend(names: tuple[str, ...]) -> Mood:
    """Return the summed shifts of several moods, held to -1.2..1.2."""
    total = {
        field: max(-1.2, min(1.2, sum(getattr(MOODS[name], field) for name in names)))
        for field in Mood.__struct_fields__
    }
    return Mood(**total)
