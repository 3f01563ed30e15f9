"""Whether a stored take was made with the weights that the model has now: with others its sound differs."""

from ..errors import BadInputError, BadRequestError
from ..models.protocol import Model, Scene, Weighed
from ..request import LoopRequest
from .noise import layered_from_bytes, stored_facts


def weights_of(model: Model, scene: Scene) -> str:
    """Return the digest, 12 hexadecimal digits, of the weights on which the sound depends; empty if unknown."""
    return model.weights_digest(scene) if isinstance(model, Weighed) else ""


def check_rebuilt(noise: bytes, model: Model, scene: Scene) -> None:
    """Raise `BadInputError` for a stored noise whose take was made with other weights than the model's."""
    made, now = stored_facts(noise).get("weights", ""), weights_of(model, scene)
    if made and now and made != now:
        raise BadInputError(
            f"The take was made with the weights {made}, these are {now}: its sound cannot be made again.",
            remedy="Play its file, which holds the sound as it was.",
        )


def weights_notes(request: LoopRequest, model: Model, scene: Scene) -> tuple[str, ...]:
    """Return notes on a take of other weights; raise `BadRequestError` where layers of it are to stay."""
    now = weights_of(model, scene)
    if request.start is None or not now:
        return ()
    if layered_from_bytes(request.start.noise) is not None and not scene.layers:
        return ("The take was made in layers: the full mix that begins from it sounds different.",)
    made = stored_facts(request.start.noise).get("weights", "")
    if made == now:
        return ()
    if not made:
        return ("The take does not say with which weights it was made: it may sound different.",)
    if request.again:
        raise BadRequestError(
            f"The take was made with the weights {made}, these are {now}: its other layers would not stay as they are.",
            remedy="Name no layers in 'again', and all sound different; or play the take's file beside new layers.",
        )
    return (f"The take was made with the weights {made}, these are {now}: it will sound different.",)
