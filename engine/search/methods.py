"""Each method of the request as a plan: how many steps through which chain, and how the loop is decoded."""

from dataclasses import replace

import msgspec

from .. import controls
from ..models.protocol import Model, Scene
from ..request import LoopRequest
from . import objective as targets
from .minimize import Plan
from .objective import Objective
from .surrogate import Chain, Ear, can_listen_through

# The paper to the letter (Novack et al. 2024, sections 4 and appendix H).
PAPER_CHAIN_STEPS = 20
PAPER_RATE, PAPER_BETAS = 5e-3, (0.9, 0.999)
PAPER_STEPS, PAPER_LONG_STEPS = 70, 150

SURROGATE_STEPS = {"draft": 36, "normal": 96, "best": 240}
CHAIN_STEPS = {"draft": 24, "normal": 64, "best": 160}
LEFT_OF_HOLD = 0.1  # at the end of a search: who needs it may go far, the others never get there

# A producer would rather wait than have a loop that misses its target: quick processors are done long before, slow ones
# may need all of this. Who counts steps has no limit.
LIMIT_SECONDS = {"draft": 15.0, "normal": 60.0, "best": 240.0}


def limit_seconds(request: LoopRequest) -> float | None:
    """Return how long the search may take: what the request says, else its quality's, None where steps are counted."""
    if request.budget.seconds is not None:
        return request.budget.seconds
    if request.budget.steps is not None or request.method == "ditto-paper":
        return None
    return LIMIT_SECONDS[request.quality]


def plan(request: LoopRequest, model: Model, objective: Objective, *, recomputes: bool = True) -> Plan:
    """Return the plan of the request's method; without a control, or with method `none`, it has no steps.

    Without `recomputes` activations are kept: a long chain takes two thirds of the time, its memory grows with steps.
    """
    made = _paper(objective) if request.method == "ditto-paper" else _ours(request, model)
    steps = made.steps if request.budget.steps is None else request.budget.steps
    idle = not objective.goals or request.method in ("none", "guidance")
    checkpoint = made.checkpoint and recomputes
    until = request.budget.until_tolerance
    return replace(made, steps=0 if idle else steps, until_tolerance=until, checkpoint=checkpoint)


def _paper(objective: Objective) -> Plan:
    chain = Chain(steps=PAPER_CHAIN_STEPS, sampler="ddim")
    longer = any(controls.find(goal.kind).paper.long for goal in objective.goals)
    return Plan(
        method="ditto-paper",
        chain=chain,
        steps=PAPER_LONG_STEPS if longer else PAPER_STEPS,
        decode=chain,
        learning_rate=PAPER_RATE,
        betas=PAPER_BETAS,
        adaptivity=1.0,
        eases=False,
        keep_on_shell=False,
        balance=False,
    )


def _ours(request: LoopRequest, model: Model) -> Plan:
    card = model.card
    decode = Chain(steps=card.decode_steps, sampler=card.sampler)
    surrogate = request.method == "ditto2"
    check = Ear(chain=decode) if surrogate or can_listen_through(model) else None
    chain = Chain(steps=card.surrogate_steps, sampler=card.sampler) if surrogate else decode
    near = request.start is not None and not request.start.variation
    steps = (SURROGATE_STEPS if surrogate else CHAIN_STEPS)[request.quality]
    return Plan(
        method=request.method,
        chain=chain,
        steps=steps,
        hold=1.0,
        slackens=LEFT_OF_HOLD ** (1 / steps),
        decode=decode,
        learning_rate=card.learning_rate,
        check=check,
        check_every=3 if near else 6,  # of a short search every look may be the last
        near=near,
        # Recomputing the only step, with no decoder's memory to make room for, would cost a third and save nothing.
        checkpoint=chain.steps > 1 or not can_listen_through(model),
    )


def objective_of(request: LoopRequest, scene: Scene, model: Model) -> Objective:
    """Return what the request's method minimises: in the paper's own losses and weights where it is the paper's."""
    if request.method != "ditto-paper":
        return targets.build(request, scene, model)
    parts = tuple(msgspec.structs.replace(part, kind=_paper_kind(part.kind)) for part in request.controls)
    return _paper_weighted(targets.build(msgspec.structs.replace(request, controls=parts), scene, model))


def _paper_weighted(objective: Objective) -> Objective:
    """Return the objective with the paper's own weights, which it has where several controls are combined."""
    papers = {goal.kind: controls.find(goal.kind).paper for goal in objective.goals}
    families = {paper.family or kind for kind, paper in papers.items()}
    if len(families) < 2:
        return objective
    goals = (replace(goal, weight=_paper_weight(papers[goal.kind], families)) for goal in objective.goals)
    return Objective(tuple(goals))


def _paper_kind(kind: str) -> str:
    """Return the kind that has the paper's own loss."""
    return controls.find(kind).paper.kind or kind


def _paper_weight(paper: controls.Paper, families: set[str]) -> float:
    beside = [weight for family, weight in paper.weight_beside.items() if family in families]
    return beside[0] if beside else paper.weight
