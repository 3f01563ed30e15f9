"""The folder of a network in diffusers' layout, read and written without importing diffusers.

Networks of this package are stored so. `config.json` holds the constructor's arguments,
`diffusion_pytorch_model.safetensors` the state. Importing diffusers takes longer than all else before a first step.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.overrides import TorchFunctionMode

from ..errors import ModelError

CONFIG = "config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
_AGAIN = "Install Ditto Live again."


class Unset(TorchFunctionMode):
    """Leaves parameters without the numbers that networks begin with, where all of them are about to be read."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call `function` unless it is one of `torch.nn.init`, which return the tensor that they are given first."""
        given = {**(kwargs or {})}
        if getattr(function, "__module__", None) == nn.init.__name__:
            return args[0] if args else given["tensor"]
        return function(*args, **given)


class Stored(nn.Module):
    """A base for networks whose constructor's arguments are JSON values, which it keeps as `config`."""

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config: dict[str, Any] = config

    def save(self, folder: Path) -> None:
        """Write configuration and weights, in their own precision, to `folder`, which is made where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {"_class_name": type(self).__name__, **self.config}
        (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        save_file(state, folder / WEIGHTS, {"format": "pt"})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the network in `folder`, float32, in evaluation mode; raise `ModelError` where it is not whole."""
        try:
            config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            with Unset():
                network = cls(**{name: value for name, value in config.items() if not name.startswith("_")})
            network.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelError(f"The network in {folder} cannot be loaded: {reason}", remedy=_AGAIN) from error
        return network.eval()
