"""One step of a search as its caller sees it."""

from dataclasses import dataclass

from torch import Tensor

from ..events import Phase
from .objective import Evaluation
from .state import SearchState


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One evaluation. `losses` and `distances` (in tolerances) are those of the batch's best item at this step.

    With `exact` they are the exact evaluation's, otherwise the surrogate's. `best_noise` [batch, *noise_shape] and
    `best_total` [batch] are the best so far, item by item, by exact evaluations alone; `reached` is true when the best
    of every item is within all tolerances. `latent` is the delivered latent of `best_noise`, where it is at hand.
    """

    index: int
    steps: int
    phase: Phase
    losses: dict[str, float]
    distances: dict[str, float]
    total: Tensor
    best_total: Tensor
    best_noise: Tensor
    reached: bool
    seconds: float
    state: SearchState
    exact: bool = True
    latent: Tensor | None = None

    @classmethod
    def of(cls, state: SearchState, evaluation: Evaluation, *, steps: int, exact: bool) -> "Step":
        """Return the step that evaluated `state`, one of `steps`."""
        item = evaluation.item
        return cls(
            index=state.iteration,
            steps=steps,
            phase=Phase.OPTIMISE,
            losses={name: float(loss.detach()[item]) for name, loss in evaluation.losses.items()},
            distances={name: float(distance[item]) for name, distance in evaluation.distances.items()},
            total=evaluation.total,
            best_total=state.best.total,
            best_noise=state.best.noise,
            reached=bool(state.best.reached.all()),
            seconds=0.0,
            state=state,
            exact=exact,
        )
