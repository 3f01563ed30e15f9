"""Training the vocoder: what it may change of the decoder's wave, and critics that say whether it sounds true.

    python -m engine.training.vocoder --work FOLDER --minutes 6 [--assets FOLDER] [--loops 2000] [--workers 16]

Renders the pairs that are missing in FOLDER, trains for so many minutes (going on from the state there), writes
FOLDER/vocoder.safetensors, the averaged weights in float16. At step 0 the network changes nothing of what the decoder
makes; distances (`vocoder_losses.py`) pull it towards true loops, and the critics, after they have listened
alone for a while, keep what it makes from sounding made.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ..models.hardware import multiplies_bfloat16
from ..pocket.model import WEIGHTS as POCKET
from ..pocket.waveform.vocoder import VOCODER, Vocoder, load_vocoder
from . import checkpoint
from .vocoder_data import HOP, Job, Pairs, render_pairs
from .vocoder_losses import Critics, Distance, discriminator_loss, generator_losses

FRAMES, MARGIN_FRAMES = 224, 32  # of a crop, and so many at each end that know of its wrong seam
HEARD_SAMPLES = 32_768  # of a crop, by the critics
WEIGHTS = {"spectra": 1.0, "mel": 2.0, "loudness": 1.0, "verdict": 0.05, "features": 0.5}  # lines, hits: the recipe's


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One piece of training; all that decides the result besides data and state."""

    minutes: float
    batch: int = 16
    learning_rate: float = 7e-4
    critic_rate: float = 3e-4
    warm_up_steps: int = 100
    alone_steps: int = 200  # in which the critics listen and nobody obeys
    critics: bool = True
    lines: float = 1.0  # weight of chords and melodies, and of hits, beside what all loops lose
    hits: float = 0.6
    final_share: float = 0.35  # of the minutes, in which the rates fall
    averaging: float = 0.998
    seed: int = 0
    most_steps: int | None = None


class VocoderTrainer:
    """Network, average, critics and optimisers; saved together, resumed to the same step."""

    def __init__(self, recipe: Recipe, folder: Path, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.folder, self.device = recipe, folder, device
        self.network, self.critics = Vocoder().to(device), Critics().to(device)
        self.distance = Distance().to(device)
        self.average = checkpoint.copied(self.network)
        self.optimizers = [
            torch.optim.AdamW(part.parameters(), lr=rate, betas=(0.8, 0.99), weight_decay=0.0)
            for part, rate in ((self.network, recipe.learning_rate), (self.critics, recipe.critic_rate))
        ]
        self._half = device.type == "cuda" and multiplies_bfloat16(device)
        self.step = 0
        self._clock = checkpoint.Clock(recipe.minutes, most_steps=recipe.most_steps)
        self._resume()
        torch.manual_seed(recipe.seed + self.step)

    def run(self, pairs: Pairs, clock: checkpoint.Clock | None = None) -> None:
        """Train for the recipe's minutes or steps, saving every five minutes; prints a line every hundred steps.

        A `clock` of a longer stage says how much of it is done, and when to pause.
        """
        self._clock = clock or checkpoint.Clock(self.recipe.minutes, most_steps=self.recipe.most_steps)
        seen: list[dict[str, Tensor]] = []
        for share in self._clock.steps(self.save):
            seen.append(self._train_once(pairs, share))
            if self.step % 100 == 0:
                line = {name: round(torch.stack([one[name] for one in seen]).mean().item(), 4) for name in seen[0]}
                passed = {"seconds": round(60 * self._clock.passed_minutes)}
                left = {"minutes_left": round(self._clock.minutes * (1 - share), 1)}
                checkpoint.report(self.folder, {"step": self.step, **line, **passed, **left})
                seen.clear()

    def _train_once(self, pairs: Pairs, share: float) -> dict[str, Tensor]:
        recipe = self.recipe
        fall = max(0.02, min(1.0, (1 - share) / max(recipe.final_share, 1e-9)))
        fresh = min(1.0, (self.step + 1) / recipe.warm_up_steps)
        for optimizer, rate in zip(self.optimizers, (recipe.learning_rate, recipe.critic_rate), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * fall * fresh
        log_power, true, decoded = pairs.draw(recipe.batch, FRAMES)
        edge = MARGIN_FRAMES * HOP
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            made = self.network(log_power, decoded)
        made, true = made[..., edge:-edge], true[..., edge:-edge]
        losses = self.distance(made, true)
        first = int(torch.randint(made.shape[-1] - HEARD_SAMPLES, ()))  # on the CPU: nobody waits
        piece, truth = (wave[..., first : first + HEARD_SAMPLES] for wave in (made, true))
        if recipe.critics:
            self._teach_critics(piece.detach(), truth, losses)
        if recipe.critics and self.step >= recipe.alone_steps:
            self.critics.requires_grad_(False)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
                with torch.no_grad():
                    heard = self.critics(truth)
                losses["verdict"], losses["features"] = generator_losses(heard, self.critics(piece))
            self.critics.requires_grad_(True)
        weights = WEIGHTS | {"lines": recipe.lines, "hits": recipe.hits}
        whole = torch.stack([weights[name] * value for name, value in losses.items() if name in weights]).sum()
        self._descend(0, whole)
        self.step += 1
        checkpoint.update_average(self.average, self.network, recipe.averaging, self.step)
        return {name: value.detach() for name, value in losses.items()}

    def _teach_critics(self, made: Tensor, true: Tensor, losses: dict[str, Tensor]) -> None:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            loss = discriminator_loss(self.critics(true), self.critics(made))
        self._descend(1, loss)
        losses["critics"] = loss.detach()

    def begin_from(self, file: Path) -> None:
        """Begin at exported weights instead of at nothing; does nothing where there is a state to resume."""
        if not (self.folder / checkpoint.FILE).exists():
            self.network.load_state_dict(load_vocoder(file).state_dict())
            self.average = checkpoint.copied(self.network)

    def _descend(self, which: int, loss: Tensor) -> None:
        optimizer, part = self.optimizers[which], (self.network, self.critics)[which]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(part.parameters(), 1.0 if which == 0 else 10.0)
        optimizer.step()

    def save(self) -> None:
        """Write network, average, critics and optimisers, and the averaged weights alone."""
        minutes = self._clock.spent_minutes
        checkpoint.save(self.folder, self._networks, self.average, self.optimizers, self.step, minutes)
        part = self.folder / "vocoder.part"
        save_file({name: tensor.half().contiguous() for name, tensor in self.average.items()}, part)
        part.replace(self.folder / VOCODER)

    @property
    def _networks(self) -> dict[str, nn.Module]:
        return {"network": self.network, "critics": self.critics}

    def _resume(self) -> None:
        if (found := checkpoint.load(self.folder, self._networks, self.optimizers)) is not None:
            self.average, self.step = found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True, help="of training")
    parser.add_argument("--assets", type=Path)
    parser.add_argument("--loops", type=int, default=2000, help="examples, chords and hits among them")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=7e-4)
    parser.add_argument("--final-share", type=float, default=0.35, help="share of the minutes in which the rates fall")
    parser.add_argument("--alone-steps", type=int, default=200, help="of the critics, before the network obeys them")
    parser.add_argument("--chords", type=float, default=0.08, help="share of examples that are sustained chords")
    parser.add_argument("--single-hits", type=float, default=0.14, help="share that are hits on silence")
    parser.add_argument("--lines", type=float, default=1.0, help="how much lines of pitch count")
    parser.add_argument("--hits", type=float, default=0.6, help="how much the rise of hits counts")
    parser.add_argument("--no-critics", action="store_true", help="distances alone, for a last piece")
    parser.add_argument("--averaging", type=float, default=0.998)
    parser.add_argument("--start", type=Path, help="a vocoder.safetensors to begin from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="stop after so many, if the minutes are not over before")
    return parser.parse_args()


def main() -> None:
    """Render, train and measure from the command line."""
    given = _options()
    job = Job(given.work, POCKET / "latent_map.safetensors", given.assets, given.chords, given.single_hits)
    render_pairs(job, given.loops, given.workers)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_float32_matmul_precision("high")
    recipe = Recipe(
        minutes=given.minutes,
        batch=given.batch,
        learning_rate=given.learning_rate,
        final_share=given.final_share,
        alone_steps=given.alone_steps,
        critics=not given.no_critics,
        lines=given.lines,
        hits=given.hits,
        averaging=given.averaging,
        seed=given.seed,
        most_steps=given.steps,
    )
    pairs = Pairs(given.work, device)
    print(f"{len(pairs)} examples, {pairs.true.shape[1] / 44_100 / 60:.0f} minutes", flush=True)  # noqa: T201 - as above
    trainer = VocoderTrainer(recipe, given.work, device)
    if given.start is not None:
        trainer.begin_from(given.start)
    trainer.run(pairs)


if __name__ == "__main__":
    main()
