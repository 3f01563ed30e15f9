"""The models that are known by name: licence, page, how to get them, and the memory that a step of DITTO needs.

Memory is counted by `benchmarks/models/memory.py` at the real sizes, for loops of 6, 12 and 24 s: the peak
on the device of weights, activations and latents together, in a step or while the text is encoded.
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

STABILITY = "Stability AI Community License"
NON_COMMERCIAL = "CC BY-NC-SA 4.0 (not for commercial use)"
_HUB = "https://huggingface.co"
_SCRIPTS = "https://raw.githubusercontent.com/huggingface/diffusers/v0.42.1/scripts"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model, its licence and its memory. `get` is the shell command that gets it, with `{folder}` for its place."""

    name: str
    licence: str
    page: str
    repository: str  # hub repository in diffusers format; empty where none is published
    parameters_millions: float  # the denoiser's
    needed_gib: tuple[float, float, float]  # for loops of 6, 12 and 24 s
    get: str = ""

    def command(self, folder: Path) -> str:
        """Return the exact shell command that puts the model into `folder`."""
        return self.get.format(folder=shlex.quote(str(folder)))


def _download(repository: str) -> str:
    return f"hf download {repository} --local-dir {{folder}}"


def _convert_stable_audio_3(repository: str) -> str:
    script = "convert_stable_audio_3_to_diffusers.py"
    return f"curl -LO {_SCRIPTS}/{script} && python {script} --checkpoint_path {repository} --output_dir {{folder}}"


def _convert_ace_step(variant: str, *, apart: bool) -> str:
    """Return the command for a variant that is in the main repository, or `apart` in its own."""
    script = "convert_ace_step_to_diffusers.py"
    own = f" && hf download ACE-Step/{variant} --local-dir ace-step/{variant}" if apart else ""
    return (
        f"hf download ACE-Step/Ace-Step1.5 --local-dir ace-step{own} && curl -LO {_SCRIPTS}/{script} && "
        f"python {script} --checkpoint_dir ace-step --dit_config {variant} --output_dir {{folder}}"
    )


CONDITIONED_POCKET = "pocket-told"  # pocket with control inputs as of Music ControlNet: the trained baseline
POCKET = KnownModel(
    name="pocket", licence="MIT", page="comes with Ditto Live", repository="", parameters_millions=12,
    needed_gib=(1.0, 1.0, 1.5),
)  # fmt: skip

_MODELS = (
    KnownModel(
        name="stable-audio-3-small", licence=STABILITY, page=f"{_HUB}/stabilityai/stable-audio-3-small-music",
        repository="", parameters_millions=433, needed_gib=(1.5, 1.5, 1.5),
        get=_convert_stable_audio_3("stabilityai/stable-audio-3-small-music"),
    ),
    KnownModel(
        name="stable-audio-3-medium", licence=STABILITY, page=f"{_HUB}/stabilityai/stable-audio-3-medium",
        repository="", parameters_millions=1453, needed_gib=(5.8, 5.8, 5.8),
        get=_convert_stable_audio_3("stabilityai/stable-audio-3-medium"),
    ),
    KnownModel(
        name="stable-audio-3-medium-base", licence=STABILITY, page=f"{_HUB}/stabilityai/stable-audio-3-medium-base",
        repository="", parameters_millions=1453, needed_gib=(5.8, 5.8, 6.5),
        get=_convert_stable_audio_3("stabilityai/stable-audio-3-medium-base"),
    ),
    KnownModel(
        name="stable-audio-open", licence=STABILITY, page=f"{_HUB}/stabilityai/stable-audio-open-1.0",
        repository="stabilityai/stable-audio-open-1.0", parameters_millions=1057, needed_gib=(4.2, 4.2, 4.2),
        get=_download("stabilityai/stable-audio-open-1.0"),
    ),
    KnownModel(
        name="ace-step-1.5-turbo", licence="MIT License", page=f"{_HUB}/ACE-Step/Ace-Step1.5",
        repository="", parameters_millions=1576, needed_gib=(5.0, 5.0, 5.0),
        get=_convert_ace_step("acestep-v15-turbo", apart=False),
    ),
    KnownModel(
        name="ace-step-1.5-base", licence="MIT License", page=f"{_HUB}/ACE-Step/acestep-v15-base",
        repository="", parameters_millions=1576, needed_gib=(5.0, 5.1, 6.8),
        get=_convert_ace_step("acestep-v15-base", apart=True),
    ),
    KnownModel(
        name="ace-step-1.5-xl-turbo", licence="MIT License", page=f"{_HUB}/ACE-Step/acestep-v15-xl-turbo-diffusers",
        repository="ACE-Step/acestep-v15-xl-turbo-diffusers", parameters_millions=4000, needed_gib=(9.8, 9.8, 9.9),
        get=_download("ACE-Step/acestep-v15-xl-turbo-diffusers"),
    ),
    KnownModel(
        name="audioldm2-music", licence=NON_COMMERCIAL, page=f"{_HUB}/cvssp/audioldm2-music",
        repository="cvssp/audioldm2-music", parameters_millions=350, needed_gib=(2.8, 3.7, 5.5),
        get=_download("cvssp/audioldm2-music"),
    ),
    KnownModel(
        name="musicldm", licence=NON_COMMERCIAL, page=f"{_HUB}/ucsd-reach/musicldm",
        repository="ucsd-reach/musicldm", parameters_millions=185, needed_gib=(2.5, 3.4, 5.2),
        get=_download("ucsd-reach/musicldm"),
    ),
)  # fmt: skip
KNOWN = {model.name: model for model in _MODELS}
