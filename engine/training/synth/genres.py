"""Genre templates: what each word for a style means in tempo, feel, sounds and mood.

Choices are `"name:weight name:weight"` strings, read by `choices`; a missing weight is 1.
"""

from __future__ import annotations

from typing import Final

import msgspec


class Genre(msgspec.Struct, frozen=True, kw_only=True):
    """One style. Ranges are inclusive; the strings are weighted choices."""

    tempo_bpm: tuple[float, float]
    swing: tuple[float, float]
    modes: str
    kits: str
    feel: str
    bass: str
    bass_line: str
    chords: str
    comping: str
    lead: str
    moods: str
    colour: str = "triad"
    extras: str = ""
    sidechain: float = 0.0
    reverb: float = 0.3
    lead_chance: float = 0.6
    melody_density: float = 0.55
    chord_chance: float = 0.85
    brightness: float = 0.0
    vinyl: float = 0.0


def choices(table: str) -> tuple[list[str], list[float]]:
    """Names and weights of a weighted-choice string."""
    pairs = [entry.partition(":") for entry in table.split()]
    return [name for name, _, _ in pairs], [float(weight or 1) for _, _, weight in pairs]


# fmt: off
GENRES: Final[dict[str, Genre]] = {
    "house": Genre(
        tempo_bpm=(120, 128), swing=(0.5, 0.58), modes="minor:5 dorian:2 major:2 mixolydian",
        kits="909:9 electronic", feel="four", bass="synth:3 organ-bass:2 fm-bass:2 square:1",
        bass_line="offbeat:3 syncopated:3 octaves:2", chords="piano:4 organ:4",
        comping="stabs:6 offbeat:3", lead="piano organ saw bell",
        moods="uplifting groovy warm happy energetic bright", colour="seventh", sidechain=0.6,
        extras="shaker:3 congas:2 vinyl",
        brightness=0.2,
        chord_chance=0.95,
    ),
    "deep house": Genre(
        tempo_bpm=(118, 124), swing=(0.52, 0.6), modes="minor:5 dorian:4",
        kits="909:4 electronic:2 808:1", feel="deep", bass="sub:5 organ-bass:3",
        bass_line="syncopated:4 offbeat:2 sustained", chords="epiano:5 pad:4",
        comping="pad:4 comp:3 stabs:2", lead="pluck epiano sine mallets bell",
        moods="warm deep chill soulful hypnotic dreamy dark", colour="ninth", sidechain=0.5,
        reverb=0.5, extras="shaker:3 congas:2 noise",
        brightness=-0.5,
        chord_chance=0.95,
        lead_chance=0.5,
    ),
    "tech house": Genre(
        tempo_bpm=(124, 130), swing=(0.5, 0.6), modes="minor:5 phrygian:2 dorian",
        kits="electronic:6 909:3 glitch", feel="tech", bass="fm-bass:5 square:3 synth:2",
        bass_line="syncopated:8", chords="stab:5 keys organ", comping="sparse-stabs:6",
        lead="pluck square fm-lead", moods="groovy energetic gritty hypnotic dark punchy",
        sidechain=0.5, lead_chance=0.3, extras="shaker:3 congas:3 cowbell:2 percussion:2 riser",
        chord_chance=0.4,
        reverb=0.15,
    ),
    "techno": Genre(
        tempo_bpm=(128, 145), swing=(0.5, 0.54), modes="minor:4 phrygian:4",
        kits="909:8 glitch:2", feel="four-hard", bass="rumble:6 acid:4",
        bass_line="rolling:5 offbeat:3 acid:3", chords="dub-stab:6 drone-pad:3",
            comping="sparse-stabs:5 pad:2",
        lead="acid fm-lead square saw", moods="dark hypnotic aggressive cold tense energetic gritty",
        colour="triad", sidechain=0.6, reverb=0.45, lead_chance=0.35,
            extras="percussion:3 noise:2 riser shaker",
        chord_chance=0.45,
        brightness=-0.2,
    ),
    "trance": Genre(
        tempo_bpm=(132, 142), swing=(0.5, 0.5), modes="minor:6 major:2 dorian",
        kits="909:6 electronic:2", feel="trance", bass="synth:4 saw-bass:4",
            bass_line="rolling:9 offbeat:1",
        chords="supersaw:8 pad:1", comping="gated:6 pad:3", lead="supersaw:5 pluck:3 saw:2",
        moods="uplifting epic energetic dreamy hopeful", colour="triad", sidechain=0.8, reverb=0.7,
        lead_chance=0.8, melody_density=0.75, extras="riser:2 noise",
        brightness=0.5,
        chord_chance=0.97,
    ),
    "electro": Genre(
        tempo_bpm=(118, 134), swing=(0.5, 0.54), modes="minor:5 phrygian:2 dorian",
        kits="808:9 electronic", feel="electro", bass="square:6 synth:2",
            bass_line="octaves:4 syncopated:4",
        chords="stab:3 choir:2 strings:2", comping="stabs:3 pad:2", lead="square chip fm-lead saw",
        moods="cold dark energetic tense mysterious", sidechain=0.1, lead_chance=0.6,
        extras="cowbell:3 percussion:2 congas",
        chord_chance=0.6,
    ),
    "synthwave": Genre(
        tempo_bpm=(84, 118), swing=(0.5, 0.5), modes="minor:6 major:2 dorian",
        kits="electronic:6 909:2", feel="rock", bass="saw-bass:9", bass_line="eighths:9 rolling",
        chords="pad:4 brass:4", comping="pad:6 gated:1", lead="saw square bell fm-lead",
        moods="nostalgic dreamy epic dark melancholic warm", sidechain=0.4, reverb=0.6, lead_chance=0.7,
        extras="toms:4 noise",
        chord_chance=0.95,
    ),
    "drum and bass": Genre(
        tempo_bpm=(168, 178), swing=(0.5, 0.52), modes="minor:6 dorian:2 phrygian",
        kits="electronic:5 acoustic:3 909", feel="dnb", bass="reese:7 sub:2 wobble",
        bass_line="sustained:4 syncopated:4 dub:2", chords="pad:4 epiano:2 stab:2 strings",
            comping="pad:5 sparse-stabs:3",
        lead="pluck saw bell piano sine", moods="energetic dark aggressive dreamy tense smooth",
        colour="seventh", sidechain=0.3, reverb=0.4, extras="shaker:2 noise riser",
    ),
    "jungle": Genre(
        tempo_bpm=(156, 172), swing=(0.5, 0.57), modes="minor:6 dorian:3",
        kits="acoustic:7 lo-fi:3", feel="jungle", bass="sub:5 reese:2 808:2",
            bass_line="dub:6 sustained:2",
        chords="pad:4 stab:3 strings:2 epiano", comping="pad:4 sparse-stabs:4",
            lead="bell pluck sine choir",
        moods="energetic dusty dreamy dark gritty nostalgic", colour="ninth", reverb=0.45,
            lead_chance=0.4,
        extras="congas:2 vinyl:2 percussion",
    ),
    "uk garage": Genre(
        tempo_bpm=(128, 136), swing=(0.57, 0.66), modes="minor:6 dorian:3 major",
        kits="909:4 electronic:4 acoustic", feel="garage", bass="organ-bass:5 sub:3 reese",
        bass_line="syncopated:6 dub:2", chords="organ:3 epiano:3 stab:3", comping="stabs:5 offbeat:3",
        lead="pluck bell organ sine", moods="groovy soulful warm energetic chill dark", colour="ninth",
        sidechain=0.2, extras="shaker:3 percussion:2 congas",
    ),
    "dubstep": Genre(
        tempo_bpm=(136, 146), swing=(0.5, 0.58), modes="minor:5 phrygian:4",
        kits="electronic:5 808:2 glitch:2", feel="halftime", bass="wobble:9 reese:1",
        bass_line="sustained:4 halftime:5", chords="dub-stab:3 pad:3 choir:2 strings",
            comping="sparse-stabs:4 pad:3",
        lead="fm-lead square bell pluck", moods="dark aggressive tense eerie gritty cold", reverb=0.5,
        lead_chance=0.45, extras="percussion:2 riser:2 noise",
        chord_chance=0.5,
    ),
    "trap": Genre(
        tempo_bpm=(130, 160), swing=(0.5, 0.55), modes="minor:6 phrygian:3 harmonic-minor:2",
        kits="808:7 electronic:2", feel="trap", bass="808:10", bass_line="kick:8",
        chords="pad:3 piano:2 strings:2 choir:2 pluck-chords", comping="pad:5 arpeggio:2 sparse-stabs:2",
        lead="bell pluck piano square mallets guitar",
            moods="dark aggressive tense melancholic eerie epic",
        lead_chance=0.8, extras="percussion:2 riser vinyl",
        chord_chance=0.7,
    ),
    "drill": Genre(
        tempo_bpm=(138, 146), swing=(0.5, 0.52), modes="minor:5 phrygian:3 harmonic-minor:3",
        kits="808:4 electronic:5", feel="drill", bass="808:10", bass_line="glide:8",
        chords="piano:3 strings:4 choir:2 pad:2", comping="pad:4 comp:2 arpeggio:2",
            lead="piano strings bell pluck guitar",
        moods="dark tense cold aggressive melancholic eerie", lead_chance=0.7,
            extras="percussion:2 rimshot:2",
    ),
    "boom bap": Genre(
        tempo_bpm=(82, 98), swing=(0.54, 0.64), modes="minor:5 dorian:4",
        kits="acoustic:9 lo-fi", feel="boombap", bass="electric:8 sub",
            bass_line="syncopated:5 kick:3 walking:2",
        chords="piano:4 brass:3 epiano:2 strings:2", comping="stabs:4 sparse-stabs:4 comp",
        lead="piano epiano brass guitar mallets", moods="dusty gritty groovy warm soulful nostalgic dark",
        colour="ninth", extras="vinyl:6 percussion", lead_chance=0.35,
        brightness=0.1,
        vinyl=0.5,
    ),
    "lo-fi": Genre(
        tempo_bpm=(66, 88), swing=(0.55, 0.66), modes="minor:3 dorian:3 major:3",
        kits="lo-fi:10", feel="boombap", bass="sub:7 electric:2",
            bass_line="sustained:4 kick:3 walking:1",
        chords="epiano:6 guitar:4 piano:2", comping="comp:4 pad:4 strum:3",
            lead="piano guitar bell mallets epiano sine",
        moods="chill dusty warm nostalgic dreamy calm melancholic", colour="ninth", reverb=0.35,
        extras="vinyl:8 noise:2 shaker", melody_density=0.45,
        brightness=-0.9,
        vinyl=0.9,
    ),
    "r&b": Genre(
        tempo_bpm=(62, 96), swing=(0.5, 0.6), modes="minor:4 dorian:3 major:3",
        kits="808:5 electronic:4", feel="rnb", bass="sub:6 808:3",
            bass_line="sustained:3 syncopated:4 kick:2",
        chords="epiano:5 pad:4", comping="pad:6 comp:3", lead="sine:4 guitar:2 bell pluck",
        moods="romantic smooth soulful warm chill melancholic", colour="ninth", reverb=0.5,
        extras="shaker:2 percussion:2 congas",
        brightness=-0.1,
    ),
    "funk": Genre(
        tempo_bpm=(94, 116), swing=(0.5, 0.58), modes="dorian:5 mixolydian:5 minor:2",
        kits="acoustic:10", feel="funk", bass="electric:9 synth", bass_line="funk:8",
        chords="clav:5 guitar:3 organ:2 brass:2", comping="funk-chords:9",
            lead="brass saw organ clav-lead guitar",
        moods="groovy happy energetic soulful bright gritty", colour="ninth", reverb=0.08,
        extras="congas:3 cowbell:2 shaker:2 percussion",
        brightness=0.2,
    ),
    "disco": Genre(
        tempo_bpm=(108, 126), swing=(0.5, 0.55), modes="minor:4 major:4 dorian:3",
        kits="acoustic:6 909:4", feel="disco", bass="electric:7 synth:2", bass_line="octaves:10",
        chords="strings:7 guitar:3 piano:1", comping="pad:4 funk-chords:3 offbeat",
            lead="strings brass saw piano",
        moods="happy groovy uplifting energetic bright romantic", colour="seventh", sidechain=0.15,
            reverb=0.3,
        extras="cowbell:2 congas:3 shaker:2",
        brightness=0.3,
        chord_chance=0.95,
    ),
    "amapiano": Genre(
        tempo_bpm=(108, 116), swing=(0.52, 0.6), modes="minor:5 dorian:4 major",
        kits="electronic:6 909:2", feel="amapiano", bass="log-drum:9", bass_line="log:8",
        chords="epiano:4 piano:4 pad:3 organ", comping="comp:3 pad:3 stabs:3",
            lead="piano mallets sine pluck choir",
        moods="groovy warm chill hypnotic uplifting soulful", colour="ninth", reverb=0.4, sidechain=0.1,
        extras="shaker:9 congas:4 percussion:3",
    ),
    "reggaeton": Genre(
        tempo_bpm=(86, 104), swing=(0.5, 0.53), modes="minor:7 phrygian:2 harmonic-minor",
        kits="electronic:6 808:2 909", feel="dembow", bass="808:4 sub:3 synth:2",
            bass_line="kick:4 tresillo:4",
        chords="pluck-chords:4 pad:3 guitar:2 stab:2", comping="offbeat:3 tresillo:3 pad:3",
            lead="pluck mallets bell guitar saw",
        moods="energetic romantic happy groovy dark", reverb=0.3, lead_chance=0.65,
            extras="percussion:3 congas:2 shaker:2 cowbell",
    ),
    "ambient": Genre(
        tempo_bpm=(60, 96), swing=(0.5, 0.5), modes="major:3 lydian:3 minor:3 dorian:3",
        kits="glitch:2 lo-fi:2 electronic:2", feel="ambient", bass="sub:4 drone-bass:4",
            bass_line="sustained:8",
        chords="pad:5 drone-pad:3 choir:3 strings:3 glass:3", comping="pad:8",
            lead="bell glass-lead sine piano mallets",
        moods="calm dreamy mysterious hopeful eerie melancholic", colour="ninth", reverb=0.95,
            lead_chance=0.55,
        melody_density=0.25, extras="noise:5 drone:4 vinyl",
    ),
    "cinematic": Genre(
        tempo_bpm=(70, 130), swing=(0.5, 0.5), modes="minor:6 harmonic-minor:3 phrygian:2 lydian",
        kits="acoustic:5 electronic:2 glitch", feel="cinematic", bass="drone-bass:3 strings-low:5 sub:2",
            bass_line="sustained:4 ostinato:5",
        chords="strings:7 choir:3 brass:4 piano:2 pad", comping="pad:6 ostinato:4",
            lead="strings piano brass choir bell",
        moods="epic tense dark mysterious melancholic hopeful", colour="triad", reverb=0.85,
            lead_chance=0.65,
        melody_density=0.4, extras="toms:8 riser:3 cymbal:3 drone:2",
    ),
}
# fmt: on
