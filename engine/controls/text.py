"""Text: the loop is near its prompt in a model's own joint embedding of text and audio, as of CLAP.

It needs a model with the two towers of that embedding (`text_similarity`). Another pair of towers ranks the result
afterwards, and no search optimises it.
"""

from typing import Protocol, runtime_checkable

from torch import Tensor

from ..errors import ModelError
from ..models.protocol import Scene
from ..request import Words, targets_of
from ..spectrum import Spectrum
from .registry import control
from .term import Context, Term


@runtime_checkable
class KnowsText(Protocol):
    """A model with a joint embedding of text and audio."""

    def text_similarity(self, latent: Tensor, scene: Scene, text: str) -> Tensor:
        """Return the cosine similarity [batch], -1 to 1, of `latent` [batch, *noise_shape] and `text`."""
        ...


@control(
    "text",
    *targets_of("text"),
    unit="1 - similarity",
    tolerance=0.25,  # a smaller one is beyond the similarity of usual loops of a prompt
    usual_steps=28,
    help="The sound follows the prompt, or another text, more closely.",
)
def text(target: Words, scene: Scene, context: Context) -> Term:
    """Loss and distance: one minus the cosine similarity of sound and text; an empty text is the request's prompt.

    Raises `ModelError` for a model without the towers.
    """
    model, words = context.model, target.text.strip() or context.request.prompt
    if not isinstance(model, KnowsText):
        raise ModelError(
            f"The model {model.card.name} has no towers that compare text and sound.",
            remedy="Leave the text control out, or use the model pocket.",
        )

    def loss(_: Spectrum, latent: Tensor) -> Tensor:
        return 1 - model.text_similarity(latent, scene, words)

    return Term(loss, loss)
