"""The report of one step of a search, and its progress events."""

from dataclasses import dataclass

from torch import Tensor

from ..events import Phase, Progress
from ..request import LoopRequest
from .objective import Evaluation
from .state import SearchState

UNKNOWN_SECONDS = -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One evaluation. `losses` and `distances` (in tolerances) are of the batch item with the lowest `total` [batch].

    With `exact` they are the exact evaluation's, otherwise the surrogate's. `best_noise` [batch, *noise_shape] and
    `best_total` [batch] are the best so far, item by item, by exact evaluations alone; `reached` is true when the best
    of every item is within all tolerances. `latent` is the delivered latent of `best_noise`, where it was computed.
    `seconds` are since the search began, and `state` resumes it after this step.
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
        """Return the report of an `evaluation` of `state`, one of `steps` steps."""
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


def counted(step: Step) -> tuple[int, int]:
    """Return the number of this step from 1, and of all steps; the evaluation after the last step is not counted.

    Where there are no steps, as in a loop that is only sampled, both are 0.
    """
    return min(step.index + 1, step.steps), step.steps


def progress(request: LoopRequest, take: int, step: Step, seconds_left: float, *, over: bool) -> Progress:
    """Return the progress event of a step of the search for `take`; where it is `over`, this step is its last."""
    done, steps = counted(step)
    return Progress(
        request_id=request.request_id,
        take=take,
        step=done,
        steps=done if over else steps,
        seconds_left=round(seconds_left, 2),
        losses=step.losses,
        phase=step.phase,
    )


def decoding(request: LoopRequest, step: Step | None, done: int, seconds_left: float) -> Progress:
    """Return the progress event of a take that is turned into sound, after `step`; `done` takes are ready."""
    return Progress(
        request_id=request.request_id,
        take=done,
        step=done,
        steps=request.count,
        seconds_left=round(seconds_left, 2),
        losses=step.losses if step is not None else {},
        phase=Phase.DECODE,
    )
