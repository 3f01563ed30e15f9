"""`python -m engine.training.synth --count 20 --seed 0 --out FOLDER [--assets DIR]`: loops to listen to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import msgspec
import soundfile
import typer
from rich.console import Console

from .assets import Assets
from .genres import GENRES
from .recipe_sampling import sample_recipe
from .render import SAMPLE_RATE, Loop, render


def main(
    out: Annotated[Path, typer.Option(help="Folder for the WAV and JSON files.")],
    count: Annotated[int, typer.Option(help="How many loops.")] = 20,
    seed: Annotated[int, typer.Option(help="The first seed; the others follow.")] = 0,
    assets: Annotated[Path | None, typer.Option(help="The asset pack; without it all is synthesised.")] = None,
    split: Annotated[str, typer.Option(help="train or heldout")] = "train",
    genre: Annotated[str | None, typer.Option(help="Only this genre.")] = None,
    layout: Annotated[str | None, typer.Option(help="full, drums, drums-bass, bass, chords, melody or texture")] = None,
) -> None:
    """Render loops with their labels and print how much faster than real time it went."""
    if genre is not None and genre not in GENRES:
        raise typer.BadParameter(f"genre must be one of {', '.join(GENRES)}")
    out.mkdir(parents=True, exist_ok=True)
    pack = Assets(assets) if assets else None
    render(sample_recipe(seed, split), pack)  # compile the kernels before the clock starts
    audio_s = 0.0
    busy_s = 0.0
    for number in range(seed, seed + count):
        started = time.perf_counter()
        loop = render(sample_recipe(number, split, genre=genre, layout=layout), pack)
        busy_s += time.perf_counter() - started
        audio_s += loop.audio.shape[1] / SAMPLE_RATE
        _write(out, number, loop)
    Console().print(f"{count} loops, {audio_s:.1f} s of audio in {busy_s:.2f} s: {audio_s / busy_s:.0f} x real time")


def _write(folder: Path, number: int, loop: Loop) -> None:
    name = f"{number:06d}-{loop.labels.genre.replace(' ', '-').replace('&', 'n')}-{loop.recipe.layout}"
    soundfile.write(folder / f"{name}.wav", loop.audio.T, SAMPLE_RATE, subtype="PCM_24")
    described = {"captions": loop.captions, "labels": loop.labels, "recipe": loop.recipe}
    (folder / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(described)))


if __name__ == "__main__":
    typer.run(main)
