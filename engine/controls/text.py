"""Text: the loop sounds like its prompt to a model's own pair of text and audio towers.

It needs a model with such towers (`text_similarity`). Another pair of towers ranks the result afterwards, and is never
optimised.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor

from ..errors import ModelError
from ..models.protocol import Scene
from ..request import Words
from ..spectrum import Spectrum
from .registry import control
from .term import Context, Term


@runtime_checkable
class KnowsText(Protocol):
    """A model with a pair of towers."""

    def text_similarity(self, latent: Tensor, scene: Scene, text: str) -> Tensor:
        """Return how alike `latent` [batch, ...] and `text` are, -1 to 1, carrying the gradient: [batch]."""
        ...


@control(
    "text",
    Words,
    unit="1 - similarity",
    tolerance=0.25,  # nearer, and the loops of a prompt leave its usual ones
    help="The sound follows the prompt, or another text, more closely.",
)
def text(target: Words, scene: Scene, context: Context) -> Term:
    """Raise the similarity of sound and text; an empty text means the request's prompt."""
    model, words = context.model, target.text.strip() or context.request.prompt
    if not isinstance(model, KnowsText):
        raise ModelError(
            f"The model {model.card.name} has no towers that compare text and sound.",
            remedy="Leave the text control out, or use the model pocket.",
        )

    def loss(_: Spectrum, latent: Tensor) -> Tensor:
        return 1 - model.text_similarity(latent, scene, words)

    return Term(loss, loss)
