"""Models that are a Python file: NAME.py in the models folder, whose `open_model(device)` returns a `protocol.Model`.

Only the models folder is searched, and only for plain names: a request that arrives over the network must not be able
to choose which file of this computer is run.
"""

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DittoError, ModelError
from ..settings import Settings

if TYPE_CHECKING:
    from .protocol import Model


def load_own(file: Path, settings: Settings) -> "Model":
    """Run `file` and return the model of its `open_model`, called with the device of the settings.

    Raises `ModelError` that names file and line where it fails, or the members of `protocol.Model` that are missing.
    """
    from .hardware import choose_place
    from .protocol import Model

    name = f"ditto_models_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for their own module
    try:
        spec.loader.exec_module(module)
        model = module.open_model(choose_place(settings).device)
    except DittoError:
        raise
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        raise ModelError(
            f"The model in {file.name} cannot be opened: {type(error).__name__}: {error}.",
            remedy=f"Look at line {lines[-1]} of {file}." if lines else f"Look at {file}; see docs/own-model.md.",
        ) from error
    if not isinstance(model, Model):
        missing = [part for part in _parts(Model) if not hasattr(model, part)]
        raise ModelError(
            f"The function open_model of {file.name} returned no model: {', '.join(missing)} are missing.",
            remedy="The members of a model are in engine/models/protocol.py; see docs/own-model.md.",
        )
    return model


def _parts(protocol: type) -> list[str]:
    return sorted(name for name in {*vars(protocol), *protocol.__annotations__} if not name.startswith("_"))
