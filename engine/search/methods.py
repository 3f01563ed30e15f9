"""The plan of each method: the parts of its search, and the objective with its losses and weights.

ditto         the delivered chain itself            + balance, anchor, easing, shell
ditto2        a surrogate of few steps, verified    + the same, and a learned first step (DITTO-2, arXiv:2405.20289)
ditto-paper   20 DDIM steps, Adam, nothing else     (DITTO, Novack et al. 2024, section 4 and appendix H)
guidance      no search: one guided chain           (FreeDoM, `guidance.py`)
none          no search
"""

from dataclasses import dataclass, replace

import msgspec

from .. import controls
from ..models.protocol import ListensThrough, Model, Sampler, Scene
from ..request import LoopRequest, Method, Quality
from . import objective as targets
from .anchor import Anchor
from .balance import Balance
from .first_step import can_begin
from .forecast import Forecast
from .objective import Objective
from .shell import Shell
from .step import Easing, Padam, StepSize, TrustRegion
from .surrogate import Chain, Verification

PAPER_CHAIN = Chain(steps=20, sampler=Sampler.DDIM)
PAPER_RATE, PAPER_BETAS = 5e-3, (0.9, 0.999)
PAPER_STEPS, PAPER_LONG_STEPS = 70, 150

SURROGATE_STEPS = {Quality.DRAFT: 36, Quality.NORMAL: 96, Quality.BEST: 240}  # at most; a search ends at its tolerances
CHAIN_STEPS = {Quality.DRAFT: 24, Quality.NORMAL: 64, Quality.BEST: 160}
REDRAW_STEPS = 2  # usually
AIMS_BELOW = 0.5  # proximal weight of one control, up to which steps are not shortened near the target
CONDITIONED_ANCHOR = 1.4  # times the proximal weight, where the model is conditioned on targets
CONDITIONED_STEPS = 9  # of a search for a tune on which the model is conditioned, in the median
LAST_PROXIMAL_WEIGHT = 0.1  # share left after all steps: some targets are far from the anchor

# By quality: slow processors may need all of it to reach a target. A request with a number of steps has no limit.
LIMIT_SECONDS = {Quality.DRAFT: 15.0, Quality.NORMAL: 60.0, Quality.BEST: 240.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The parts of a search; None leaves a part out.

    At most `steps` steps follow the gradient through `chain`, usually `usual_steps` where the search ends at its
    tolerances; the delivered loop is made by `decode`. With a `verification`, `chain` is a surrogate, and only exact
    evaluations decide on the best noise and on the end.
    """

    chain: Chain
    decode: Chain
    steps: int
    step_size: StepSize
    step_rule: Padam
    trust_region: TrustRegion | None
    balance: Balance | None
    anchor: Anchor | None
    shell: Shell | None
    verification: Verification | None
    usual_steps: int | None = None  # None where nothing is known
    until_tolerance: bool = True
    inverts: bool = False  # start from noise that is inverted where a recording is kept
    first_step: bool = False  # start with the model's learned first step
    recompute: bool = True  # recompute activations in the backward pass: memory does not grow with the chain


def limit_seconds(request: LoopRequest, spent_seconds: float = 0.0, searches: int = 1) -> float | None:
    """Return the time limit of the next of `searches` searches, in seconds; None for a given number of steps.

    The request's own limit is for all takes: the searches left share what those before did not spend. A quality's is
    for each.
    """
    if request.budget.seconds is not None:
        return max(0.0, request.budget.seconds - spent_seconds) / searches
    if request.budget.steps is not None or request.method is Method.DITTO_PAPER:
        return None
    return LIMIT_SECONDS[request.quality]


def forecast(
    plan: Plan,
    started: float,
    *,
    sounds: float,
    limit_seconds: float | None,
    following: int = 0,
    each_seconds: float | None = None,
) -> Forecast:
    """Return the forecast of the time left for a search by `plan` that began at `started`, in seconds of any clock.

    The sound after it takes as long as `sounds` verifications.
    """
    return Forecast(
        started,
        plan.steps,
        usual_steps=plan.usual_steps if plan.until_tolerance else None,
        sounds=sounds,
        following=following,
        each_seconds=each_seconds,
        verified_every=1 if plan.verification is None else plan.verification.every_steps,
        limit_seconds=limit_seconds,
    )


def plan(
    request: LoopRequest, model: Model, objective: Objective, *, recomputes: bool = True, is_conditioned: bool = False
) -> Plan:
    """Return the plan of the request's method; without a control, or with `none` or `guidance`, it has no steps.

    Without `recomputes` activations are kept, which takes two thirds of the time and memory that grows with the chain.
    A search whose model `is_conditioned` on its targets begins farther from the uncontrolled loop, and is pulled back
    harder.
    """
    paper = request.method is Method.DITTO_PAPER
    made = _paper(objective) if paper else _ours(request, model, objective, is_conditioned=is_conditioned)
    steps = made.steps if request.budget.steps is None else request.budget.steps
    idle = not objective.goals or request.method in (Method.NONE, Method.GUIDANCE)
    recompute, until = made.recompute and recomputes, request.budget.until_tolerance
    steps = 0 if idle else steps
    return replace(
        made,
        steps=steps,
        until_tolerance=until,
        recompute=recompute,
        inverts=made.inverts and steps > 0,
        first_step=made.first_step and steps > 0,
    )


def _paper(objective: Objective) -> Plan:
    longer = any(controls.find(goal.kind).paper.long for goal in objective.goals)
    return Plan(
        chain=PAPER_CHAIN,
        decode=PAPER_CHAIN,
        steps=PAPER_LONG_STEPS if longer else PAPER_STEPS,
        step_size=StepSize(learning_rate=PAPER_RATE),
        step_rule=Padam(betas=PAPER_BETAS, adaptivity=1.0),
        trust_region=None,
        balance=None,
        anchor=None,
        shell=None,
        verification=None,
    )


def _ours(request: LoopRequest, model: Model, objective: Objective, *, is_conditioned: bool) -> Plan:
    card = model.card
    decode = Chain(steps=card.decode_steps, sampler=card.sampler)
    surrogate, has_waveform = request.method is Method.DITTO2, isinstance(model, ListensThrough)
    chain = Chain(steps=card.surrogate_steps, sampler=card.sampler) if surrogate else decode
    # A take that is changed stays near it.
    begins = surrogate and request.start is None and not request.budget.plain_start and can_begin(model, objective)
    near = request.start is not None and not request.start.variation  # a redraw starts within a few tolerances
    # Steps may go as far as their slope says. The sum of several controls says little about each, a strong anchor makes
    # steps long, and a redraw has not far to go.
    aims = surrogate and not near and len(objective.goals) == 1 and 0 < objective.proximal_weight < AIMS_BELOW
    steps = (SURROGATE_STEPS if surrogate else CHAIN_STEPS)[request.quality]
    usual = sum(_usual_steps(controls.find(part.kind), is_conditioned=is_conditioned) for part in request.controls)
    verification = Verification(
        chain=decode,
        gain=card.surrogate_gain if surrogate else 1.0,
        every_steps=3 if near or begins else 4 if aims else 6,
        apart_steps=1 if aims else 2,
        always_waveform=near,  # in a short search any verification may be the last one
    )
    return Plan(
        chain=chain,
        decode=decode,
        steps=steps,
        usual_steps=REDRAW_STEPS if near else usual or None,
        step_size=StepSize(learning_rate=card.learning_rate, easing=None if aims else Easing()),
        step_rule=Padam(),
        trust_region=TrustRegion() if aims or near else None,
        balance=Balance(),
        anchor=Anchor(weight=CONDITIONED_ANCHOR if is_conditioned else 1.0, decay=LAST_PROXIMAL_WEIGHT ** (1 / steps)),
        shell=Shell(),
        verification=verification if surrogate or has_waveform else None,
        inverts=surrogate and request.start is None and not request.budget.plain_start,
        first_step=begins,
        # Recomputing the only step, without a decoder's memory to make room for, would cost a third and save nothing.
        recompute=chain.steps > 1 or not has_waveform,
    )


def _usual_steps(row: controls.Row, *, is_conditioned: bool) -> int:
    return (
        CONDITIONED_STEPS if is_conditioned and row.feature is controls.FeatureKind.PITCH_CLASSES else row.usual_steps
    )


def objective_of(request: LoopRequest, scene: Scene, model: Model) -> Objective:
    """Return the objective of the request's method: with `ditto-paper` the paper's own losses and weights.

    Raises `BadRequestError` for a control that does not exist or refuses its target.
    """
    if request.method is not Method.DITTO_PAPER:
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
