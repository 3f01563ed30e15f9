"""From a seed to a recipe: a genre's template, bent by moods and a layout."""

from __future__ import annotations

from random import Random
from typing import Final

from .dynamics import Dynamics, sample_dynamics
from .genres import GENRES, Genre, choices
from .grooves import BASS_LINES, COMPING, EXTRA_LINES
from .harmony import MINOR_MODES, PROGRESSION_IDS, SCALES
from .moods import Mood, blend
from .recipe import Drums, Mix, Part, Recipe, Texture
from .sounds.patches import sample_patch
from .splits import SPLITS, draw_id

KIT_IDS: Final = 240
MOTIF_SEEDS: Final = 20000
SHORTEST_S: Final = 2.0  # of a loop
LONGEST_S: Final = 16.5

_LAYOUTS: Final = "full:45 drums:15 drums-bass:6 bass:8 chords:10 melody:10 texture:6"  # per cent
_METRES: Final = "4/4:85 3/4:5 6/8:4 5/4:3 7/8:3"
_FREE_TEMPO_CHANCE: Final = 0.3


def sample_recipe(seed: int, split: str = "train", *, genre: str | None = None, layout: str | None = None) -> Recipe:
    """Draw a recipe. The same arguments always give the same recipe.

    `split` is "train" or "heldout": kits, waveforms, progressions and motifs of the other are never
    used. `genre` and `layout` fix a choice that is otherwise drawn.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    rng = Random(f"loop {split} {seed}")
    drawn_genre = rng.choice(sorted(GENRES))
    drawn_layout = _pick(_LAYOUTS, rng)
    return _Sampler(rng, split, seed, genre or drawn_genre, layout or drawn_layout).recipe()


def _pick(table: str, rng: Random) -> str:
    names, weights = choices(table)
    return rng.choices(names, weights)[0]


class _Sampler:
    """One draw in progress: the genre's template bent by the moods."""

    def __init__(self, rng: Random, split: str, seed: int, genre: str, layout: str) -> None:
        self.rng, self.split, self.seed = rng, split, seed
        self.genre, self.layout = genre, layout
        self.style: Genre = GENRES[genre]
        names = self.style.moods.split()
        self.moods = tuple(sorted(rng.sample(names, rng.choice((1, 1, 2, 2)))))
        self.mood: Mood = blend(self.moods)
        self.tempo_bpm, self.numerator, self.denominator, self.bars = self._time()
        self.mode = self._mode()
        self.density = _clip(rng.gauss(0.5, 0.22) + 0.3 * self.mood.density, 0.02, 0.98)

    def recipe(self) -> Recipe:
        rng = self.rng
        drums = self._drums() if self.layout in ("full", "drums", "drums-bass") else None
        parts = self._parts(drums is not None)
        textures = self._textures()
        tonal = any(part.role != "texture" for part in parts) or any(t.kind == "drone" for t in textures)
        return Recipe(
            seed=self.seed,
            split=self.split,
            genre=self.genre,
            moods=self.moods,
            layout=self.layout,
            tempo_bpm=self.tempo_bpm,
            numerator=self.numerator,
            denominator=self.denominator,
            bars=self.bars,
            swing=self._swing(),
            tonic=rng.randrange(12) if tonal else -1,
            mode=self.mode,
            progression_id=draw_id(rng, PROGRESSION_IDS if rng.random() < 0.4 else 20, self.split),
            chord_beats=self._chord_beats(),
            motif_seed=draw_id(rng, MOTIF_SEEDS, self.split),
            drums=drums,
            parts=parts,
            textures=textures,
            dynamics=self._dynamics(drums, parts),
            mix=self._mix(),
        )

    def _time(self) -> tuple[float, int, int, int]:
        rng = self.rng
        metre = _pick(_METRES, rng)
        numerator, denominator = (int(number) for number in metre.split("/"))
        low, high = self.style.tempo_bpm
        tempo = rng.uniform(60, 180) if rng.random() < _FREE_TEMPO_CHANCE else rng.uniform(low, high)
        tempo_bpm = float(round(tempo)) if rng.random() < 0.8 else round(tempo, 2)
        tempo_bpm = _clip(tempo_bpm, 60.0, 180.0)
        bar_s = numerator * 4 / denominator * 60 / tempo_bpm
        fitting = [bars for bars in (1, 2, 4, 8) if SHORTEST_S <= bars * bar_s <= LONGEST_S]
        weights = [6.0 if 4.0 <= bars * bar_s <= 9.0 else 1.3 for bars in fitting]
        return tempo_bpm, numerator, denominator, rng.choices(fitting, weights)[0]

    def _mode(self) -> str:
        names, weights = choices(self.style.modes)
        bent = [
            weight * (2.0 ** (2.0 * self.mood.minor * (1 if name in MINOR_MODES else -1)))
            for name, weight in zip(names, weights, strict=True)
        ]
        if self.rng.random() < 0.08:  # every mode with every genre, now and then
            return self.rng.choice(sorted(SCALES))
        return self.rng.choices(names, bent)[0]

    def _swing(self) -> float:
        low, high = self.style.swing
        swing = self.rng.uniform(low, high) + 0.02 * self.mood.swing
        if self.rng.random() < 0.06:
            swing = self.rng.uniform(0.5, 0.66)
        return round(_clip(swing, 0.5, 0.66), 3)

    def _chord_beats(self) -> float:
        bar = self.numerator * 4.0 / self.denominator
        rate = self.rng.choices((0.5, 1.0, 2.0), (0.25, 0.6, 0.15))[0]
        if self.numerator not in (4, 6) and rate < 1.0:
            rate = 1.0
        return bar * min(rate, self.bars)

    def _drums(self) -> Drums:
        rng, style = self.rng, self.style
        names = [name for name in choices(style.extras)[0] if name in EXTRA_LINES]
        extras = tuple(name for name in names if rng.random() < 0.2 + 0.4 * self.density)
        left_out: tuple[str, ...] = ()
        if rng.random() < 0.16:
            left_out = rng.choice(
                (
                    ("kick",),
                    ("kick",),
                    ("hats", "open hat", "shaker"),
                    ("snare", "clap"),
                    ("kick", "snare", "clap"),
                )
            )
        feel = style.feel if rng.random() < 0.98 else rng.choice(("four", "boombap", "halftime", "rock"))
        return Drums(
            kit=_pick(style.kits, rng),
            kit_id=draw_id(rng, KIT_IDS, self.split),
            feel=feel,
            extras=extras,
            left_out=left_out,
            seed=rng.getrandbits(32),
            density=round(self.density, 3),
            fill=self.bars >= 2 and rng.random() < 0.3,
            loudness_db=round(rng.gauss(0.0, 1.2), 2),
            reverb=round(_clip(0.12 * style.reverb + 0.25 * rng.random() ** 3, 0.0, 0.5), 3),
            drive=round(_clip(rng.gauss(0.2, 0.2) + 0.5 * self.mood.drive, 0.0, 1.0), 3),
            triplets=rng.random() < (0.2 if feel in ("trap", "drill", "jungle") else 0.03),
        )

    def _parts(self, drums: bool) -> tuple[Part, ...]:
        rng, layout = self.rng, self.layout
        roles: list[str] = []
        if layout in ("bass", "drums-bass"):
            roles = ["bass"]
        elif layout == "chords":
            roles = ["chords"] + (["chords"] if rng.random() < 0.15 else [])
        elif layout == "melody":
            roles = [rng.choices(("lead", "arpeggio"), (0.72, 0.28))[0]] + (["chords"] if rng.random() < 0.3 else [])
        elif layout == "full":
            roles = self._full_roles(drums)
        return tuple(self._part(role, index) for index, role in enumerate(roles))

    def _full_roles(self, drums: bool) -> list[str]:
        rng = self.rng
        style = self.style
        roles = ["bass"] if rng.random() < 0.9 else []
        roles += ["chords"] if rng.random() < style.chord_chance else []
        if rng.random() < self.style.lead_chance:
            roles.append(rng.choices(("lead", "arpeggio"), (0.78, 0.22))[0])
        return roles if len(roles) >= 1 + (not drums) else ["bass", "chords"]

    def _part(self, role: str, index: int) -> Part:
        rng, style, mood = self.rng, self.style, self.mood
        table = {"bass": style.bass, "chords": style.chords, "lead": style.lead, "arpeggio": style.lead}[role]
        patch = sample_patch(role, _pick(table, rng), rng, self.split)
        line, centre = self._line(role)
        solo = self.layout in ("bass", "chords", "melody")
        wet = style.reverb + 0.35 * mood.reverb + rng.gauss(0.0, 0.15)
        return Part(
            role=role,
            patch=patch,
            line=line,
            seed=rng.getrandbits(32),
            centre=centre,
            colour=self._colour(),
            density=round(_clip(style.melody_density + 0.35 * mood.density + rng.gauss(0, 0.15), 0.08, 0.95), 3),
            loudness_db=round(_LEVELS_DB[role] + rng.gauss(0.0, 1.5) - (4.0 if solo and index > 0 else 0.0), 2),
            pan=0.0 if role == "bass" else round(_clip(rng.gauss(0.0, 0.2), -0.6, 0.6), 3),
            reverb=round(_clip(wet * _WETNESS[role], 0.0, 1.0), 3),
            delay=round(rng.uniform(0.15, 0.6), 3) if rng.random() < _DELAY_CHANCE[role] else 0.0,
            chorus=round(rng.uniform(0.3, 0.8), 3) if role == "chords" and rng.random() < 0.25 else 0.0,
            tremolo=round(rng.uniform(0.3, 0.8), 3) if patch.name in _TREMULOUS and rng.random() < 0.35 else 0.0,
            drive=round(_clip(rng.gauss(0.0, 0.2) + 0.6 * mood.drive, 0.0, 1.0), 3),
            step_beats=rng.choices((0.25, 0.5, 0.333333), (0.6, 0.22, 0.18))[0],
        )

    def _line(self, role: str) -> tuple[str, int]:
        rng = self.rng
        if role == "bass":
            name = _pick(self.style.bass_line, rng)
            return (name if rng.random() < 0.97 else rng.choice(sorted(BASS_LINES))), rng.randint(31, 40)
        if role == "chords":
            name = _pick(self.style.comping, rng)
            return (name if rng.random() < 0.97 else rng.choice(sorted(COMPING))), rng.randint(54, 64)
        if role == "arpeggio":
            return rng.choice(("up", "down", "updown", "random", "skip")), rng.randint(64, 76)
        return "motif", rng.randint(65, 80)

    def _colour(self) -> str:
        if self.rng.random() < 0.82:
            return self.style.colour
        return self.rng.choice(("triad", "seventh", "ninth", "sus", "power"))

    def _textures(self) -> tuple[Texture, ...]:
        rng = self.rng
        names, weights = choices(self.style.extras) if self.style.extras else ([], [])
        wanted = {n: w for n, w in zip(names, weights, strict=True) if n in _TEXTURE_DB}
        if self.layout == "texture":
            kinds = rng.sample(sorted(_TEXTURE_DB), rng.choice((1, 2, 2)))
            return tuple(Texture(kind, rng.getrandbits(32), round(rng.gauss(-3.0, 2.0), 2)) for kind in kinds)
        chance = 1.0 if self.layout == "full" else 0.35
        lofi = 0.4 * self.mood.lofi
        kinds = [
            kind for kind, weight in wanted.items() if rng.random() < chance * (weight / 9.0 + lofi * (kind == "vinyl"))
        ]
        if "vinyl" not in kinds and rng.random() < max(0.4 * self.mood.lofi, self.style.vinyl) * (
            1.0 if self.layout != "bass" else 0.3
        ):
            kinds.append("vinyl")
        return tuple(
            Texture(kind, rng.getrandbits(32), round(_TEXTURE_DB[kind] + rng.gauss(0.0, 2.5), 2)) for kind in kinds
        )

    def _dynamics(self, drums: Drums | None, parts: tuple[Part, ...]) -> Dynamics:
        beats = self.bars * self.numerator * 4.0 / self.denominator
        layers = (["drums"] if drums else []) + [part.role for part in parts]
        return sample_dynamics(self.rng, beats, self.numerator * 4.0 / self.denominator, layers)

    def _mix(self) -> Mix:
        rng, style, mood = self.rng, self.style, self.mood
        lofi = mood.lofi + (0.5 if self.genre == "lo-fi" else 0.0)
        solo = self.layout in ("bass", "chords", "melody", "texture")
        loudness = rng.gauss(-17.5 if solo else -14.0, 2.2)
        if rng.random() < 0.08:
            loudness = rng.uniform(-30.0, -20.0)
        sweeping = rng.random() < 0.14
        return Mix(
            loudness_lufs=round(_clip(loudness, -32.0, -9.5), 2),
            brightness=round(_clip(rng.gauss(0.0, 0.3) + 0.8 * mood.brightness + style.brightness, -1.5, 1.3), 3),
            sidechain=round(_clip(style.sidechain + rng.gauss(0.0, 0.2), 0.0, 1.0), 3)
            if style.sidechain and rng.random() < 0.8
            else 0.0,
            saturation=round(_clip(rng.gauss(0.15, 0.15) + 0.4 * mood.drive + 0.2 * lofi, 0.0, 1.0), 3),
            bit_depth=rng.randint(6, 10) if rng.random() < 0.04 + 0.25 * max(lofi, 0.0) else 0,
            tape=round(rng.uniform(0.3, 1.0), 3) if rng.random() < 0.05 + 0.5 * max(lofi, 0.0) else 0.0,
            sweep_octaves=round(rng.uniform(2.0, 5.0), 3) if sweeping else 0.0,
            sweep_turns=float(rng.choice((1, 1, 2))) if sweeping else 0.0,
            width=round(
                rng.choices((rng.uniform(0.0, 0.25), rng.uniform(0.7, 1.1), rng.uniform(1.3, 1.7)), (0.07, 0.78, 0.15))[
                    0
                ],
                3,
            ),
            highpass_hz=round(rng.uniform(180.0, 500.0), 1) if rng.random() < 0.05 else 0.0,
        )


_LEVELS_DB: Final = {"bass": -3.0, "chords": -8.0, "lead": -3.5, "arpeggio": -5.0}
_WETNESS: Final = {"bass": 0.06, "chords": 0.6, "lead": 0.6, "arpeggio": 0.6}
_DELAY_CHANCE: Final = {"bass": 0.02, "chords": 0.2, "lead": 0.4, "arpeggio": 0.5}
_TREMULOUS: Final = frozenset({"epiano", "organ", "guitar", "keys", "pad"})
_TEXTURE_DB: Final = {"vinyl": -18.0, "noise": -19.0, "riser": -13.0, "drone": -11.0}


def _clip(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))
