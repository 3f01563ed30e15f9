"""The models that are known or added, where they are, and how one is loaded. Imports no torch until it loads one.

Weights are the user's own: this program names page, licence and command, and never downloads.
"""

import os
import shutil
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import MissingPackageError, ModelError
from ..request import LoopRequest
from ..request.loop import refuse_layers
from ..settings import Settings
from .folder import ModelFolder, read_folder
from .known import CONDITIONED_POCKET, KNOWN, POCKET, KnownModel
from .own import load_own
from .places import added, find, here_now, known_of, own_file, own_models, own_name

if TYPE_CHECKING:
    from .hardware import Place
    from .protocol import Model

GIB = 2**30
CHANNELS = (1, 2)  # of a model; a loop is stereo
PACKAGES = ("diffusers", "transformers")
COMPILE_MODES = ("default", "reduce-overhead", "max-autotune")  # reduce-overhead records CUDA graphs of its kernels
GRAPHS = "graphs"  # CUDA graphs of the kernels as they are, without compiling
_INSTALL = "Install it with `pip install 'ditto-live[models]'`."


class Family(NamedTuple):
    """The adapter of a diffusers pipeline: its module in `engine.models`, and the networks that stay on the device."""

    module: str
    denoiser: str
    decoders: tuple[str, ...]


FAMILIES = {
    "StableAudio3Pipeline": Family("stable_audio_3", "transformer", ("vae",)),
    "StableAudio3InpaintPipeline": Family("stable_audio_3", "transformer", ("vae",)),
    "StableAudio3AudioToAudioPipeline": Family("stable_audio_3", "transformer", ("vae",)),
    "StableAudioPipeline": Family("stable_audio", "transformer", ("vae",)),
    "AceStepPipeline": Family("ace_step", "transformer", ("vae",)),
    "AudioLDM2Pipeline": Family("audioldm2", "unet", ("vae", "vocoder")),
    "MusicLDMPipeline": Family("musicldm", "unet", ("vae", "vocoder")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A model as `ditto-live models` shows it."""

    name: str
    licence: str
    page: str
    get: str  # the exact command to get it; empty where it is here
    folder: Path | None  # where it is; None if it is not on this computer
    needed_gib: float  # memory for a search for a loop of 6 s; 0 where it is not known
    there_gib: float  # memory of the device that the settings choose; 0 where it is not known
    problem: str  # why it cannot be used here; empty if it can


def load(name: str, settings: Settings) -> "Model":
    """Return the model called `name`, or the one in the folder of that name, ready to use.

    A file NAME.py in the models folder is a model of one's own; see `engine.models.own`.

    Looks in the models folder and in the local hub cache. Raises `ModelError` with one sentence for a model that is
    unknown, missing, incomplete, of a kind without adapter or too large, `MissingPackageError` for a missing package.
    """
    if name == CONDITIONED_POCKET:
        from ..pocket.controls import ControlInputs
        from ..pocket.model import load_pocket

        return compiled(load_pocket(settings, inputs=ControlInputs.ALL), settings)
    if name == POCKET.name:
        from ..pocket.layered import load_default

        return compiled(load_default(settings), settings)
    own = own_file(name, settings)
    if own is not None:
        return load_own(own, settings)
    folder = find(name, settings)
    if folder is None:
        raise _missing(name, settings)
    return load_folder(read_folder(folder), settings, KNOWN.get(name) or known_of(folder))


def check(request: LoopRequest, settings: Settings) -> None:
    """Raise `DittoError` for what can be said of a request before its model is loaded, which may take minutes.

    Its model is not here, or makes one sound and is asked for layers. Loads nothing.
    """
    name = request.model
    if name in (POCKET.name, CONDITIONED_POCKET) or own_file(name, settings) is not None:
        return
    if find(name, settings) is None:
        raise _missing(name, settings)
    refuse_layers(request)


def _unknown(name: str, page: str = "") -> KnownModel:
    """Return a model that is not known by name, only by its folder."""
    return KnownModel(name=name, licence="as its page says", page=page, repository="", parameters_millions=0,
                      needed_gib=(0.0, 0.0, 0.0))  # fmt: skip


def load_folder(folder: ModelFolder, settings: Settings, known: KnownModel | None = None) -> "Model":
    """Return the model in `folder`; `known` gives its name, licence, page and memory.

    Raises `ModelError` for a pipeline without adapter, weights that cannot be loaded or do not fit into memory, and
    `MissingPackageError` without diffusers or transformers.
    """
    family, known = family_of(folder), known or _unknown(own_name(folder.path), str(folder.path))
    _need_packages(known.name)
    from .hardware import choose_place, telling_exhaustion
    from .waveform import Origin

    place = choose_place(settings)
    _need_memory(folder, family, place, known)
    origin = Origin(
        name=known.name,
        licence=known.licence,
        page=known.page,
        parameters_millions=folder.parameters.get(family.denoiser, 0) / 1e6,
    )
    with telling_exhaustion(f"loading {known.name}"):
        model = import_module(f".{family.module}", __package__).open_folder(folder, place, origin)
    if model.card.channels not in CHANNELS:
        raise ModelError(
            f"The model in {folder.path} makes {model.card.channels} channels; a loop has one or two.",
            remedy="Use a mono or a stereo model.",
        )
    model.loop_words = settings.loop_words
    model.digest = folder.digest()
    return compiled(model, settings)


def compiled(model: Any, settings: Settings) -> "Model":
    """Return `model`, whose network torch compiles when it is first called (minutes), or records as CUDA graphs.

    As `settings.compile` says. Raises `ModelError` for a way that does not exist, or not on this device.
    """
    ways = ("off", *COMPILE_MODES, GRAPHS)
    if settings.compile not in ways:
        raise ModelError(
            f"There is no way {settings.compile[:40]!r} to compile; there are {', '.join(ways)}.",
            remedy="Correct DITTO_COMPILE, or unset it.",
        )
    if settings.compile == GRAPHS:
        from .speed.graphs import replay_graphs

        if not replay_graphs(model.network, model.device):
            raise ModelError(
                f"CUDA graphs are recorded on NVIDIA GPUs, and this is {model.device.type}.",
                remedy="Set DITTO_COMPILE to off, or to default, which compiles on any device.",
            )
    elif settings.compile != "off":
        model.network.compile(mode=settings.compile)
    ready: Model = model
    return ready


def family_of(folder: ModelFolder) -> Family:
    """Return the adapter for a folder; raise `ModelError` for a pipeline that none takes."""
    family = FAMILIES.get(folder.pipeline)
    if family is None:
        raise ModelError(
            f"The folder {folder.path} holds a {folder.pipeline}, which cannot be steered here.",
            remedy=f"These can: {', '.join(FAMILIES)}.",
        )
    return family


def add(folder: Path, settings: Settings) -> str:
    """Check a folder, copy it into the models folder under its own name, and return that name.

    A folder that is there already is only checked. Raises `ModelError`.
    """
    folder = find(os.path.abspath(folder.expanduser()), settings) or folder
    family_of(read_folder(folder))
    name = own_name(folder)
    place = settings.models / name
    if folder.resolve() == place.resolve():
        return name
    if name == POCKET.name or place.exists():
        raise ModelError(f"There is a model called {name} already.", remedy="Rename the folder and add it again.")
    beside = place.with_name(f".{name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        shutil.copytree(folder, beside)
        beside.rename(place)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise ModelError(f"The model could not be copied to {place}: {error.strerror or error}.") from error
    return name


def listing(settings: Settings) -> tuple[Listed, ...]:
    """Return every known model, every added folder and every model file, each with the reason why it cannot be used."""
    from .hardware import choose_place, memory_bytes

    device = choose_place(settings).device
    there = memory_bytes(device) / GIB
    names = [*KNOWN, *added(settings)]
    pocket = Listed(name=POCKET.name, licence=POCKET.licence, page=POCKET.page, get="", folder=None,
                    needed_gib=POCKET.needed_gib[0], there_gib=there, problem="")  # fmt: skip
    own = (_listed_own(name, settings, there) for name in own_models(settings))
    return (pocket, *(_listed(name, settings, there) for name in names), *own)


def _listed_own(name: str, settings: Settings, there_gib: float) -> Listed:
    return Listed(name=name, licence="as its file says", page="", get="", folder=own_file(name, settings),
                  needed_gib=0.0, there_gib=there_gib, problem="")  # fmt: skip


def _listed(name: str, settings: Settings, there_gib: float) -> Listed:
    known, folder = KNOWN.get(name) or _unknown(name), find(name, settings)
    needed, problem = known.needed_gib[0], "" if folder else "not on this computer"
    if folder is not None:
        try:
            found = read_folder(folder)
            family = family_of(found)
            _need_packages(name)
            needed = needed or 4 * _resident(found, family) / GIB
        except ModelError as error:
            problem = error.sentence
    if not problem and there_gib and needed > there_gib:
        problem = f"needs {needed:.1f} GiB, there are {there_gib:.1f}"
    return Listed(
        name=name, licence=known.licence, page=known.page,
        get="" if folder else known.command(settings.models / name), folder=folder,
        needed_gib=needed, there_gib=there_gib, problem=problem,
    )  # fmt: skip


def _resident(folder: ModelFolder, family: Family) -> int:
    """Return the number of parameters of denoiser and decoders, which stay on the device."""
    return sum(folder.parameters.get(part, 0) for part in (family.denoiser, *family.decoders))


def _need_packages(name: str) -> None:
    for package in PACKAGES:
        if find_spec(package) is None:
            raise MissingPackageError(f"{name} needs the package {package}, which is not installed.", remedy=_INSTALL)


def _need_memory(folder: ModelFolder, family: Family, place: "Place", known: KnownModel) -> None:
    """Raise `ModelError` before loading where the weights, or the memory of a known model's step, do not fit."""
    from .hardware import memory_bytes

    there = memory_bytes(place.device)
    weights = folder.parameters.get(family.denoiser, 0) * place.dtype.itemsize
    weights += sum(folder.parameters.get(part, 0) for part in family.decoders) * place.decoder_dtype.itemsize
    needed = max(weights, int(known.needed_gib[0] * GIB) if place.device.type != "cpu" else 0)
    if there and needed > there:
        raise ModelError(
            f"{folder.path.name} needs {needed / GIB:.1f} GiB; {place.device} has {there / GIB:.1f} GiB.",
            remedy="Use a smaller model, or `--device cpu` with time to spare.",
        )


def _missing(name: str, settings: Settings) -> ModelError:
    known = KNOWN.get(name)
    if known is None:
        here, names = ", ".join(here_now(settings)), ", ".join([POCKET.name, *KNOWN])
        return ModelError(
            f"There is no model {name!r}.",
            remedy=f"On this computer: {here}. Known are {names}; a folder may be given too.",
        )
    return ModelError(
        f"{name} is not on this computer; it comes from {known.page} under the {known.licence}.",
        remedy=f"Accept the licence there, then: {known.command(settings.models / name)}",
    )
