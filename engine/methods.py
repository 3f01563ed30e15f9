"""Each method of the request as a plan: how many steps through which chain, and how the loop is decoded."""

from dataclasses import replace

from .models.protocol import Model, ModelCard
from .optimize import Chain, Phase, Plan
from .request import LoopRequest
from .targets import Goal, Objective

# The paper to the letter (Novack et al. 2024, sections 4 and appendix H).
PAPER_STEPS = 20
PAPER_RATE = 5e-3
PAPER_ITERATIONS, PAPER_LONG_ITERATIONS = 70, 150
PAPER_LONG = {"melody", "structure"}
PAPER_INTENSITY_WEIGHT, PAPER_INTENSITY_WEIGHT_WITH_MELODY = 1 / 40, 1 / 4

SURROGATE_ITERATIONS = {"draft": 24, "normal": 60, "best": 120}
CHAIN_ITERATIONS = {"draft": 20, "normal": 50, "best": 100}
CLOSING_ITERATIONS = {"draft": 4, "normal": 16, "best": 40}
TRUE_ITERATIONS = {"draft": 0, "normal": 8, "best": 24}
CHECKPOINT_FROM_STEPS = 3     # one or two calls fit beside the decoder's own memory


def plan(request: LoopRequest, model: Model, objective: Objective) -> Plan:
    """Return the plan of the request's method; with no control or method `none` it has no phases."""
    decode = Chain(steps=model.card.decode_steps, sampler=model.card.sampler)
    if request.method == "ditto-paper":
        paper = Chain(steps=PAPER_STEPS, sampler="ddim")
        made = Plan(
            method=request.method, phases=(Phase(name="optimise", chain=paper, iterations=_paper_iterations(objective)),),
            decode=paper, learning_rate=PAPER_RATE, keep_on_shell=False, balance=False,
            until_tolerance=request.budget.until_tolerance,
        )
    else:
        made = Plan(
            method=request.method, phases=_phases(request, model, decode), decode=decode,
            learning_rate=model.card.learning_rate, until_tolerance=request.budget.until_tolerance,
        )
    return made if objective.goals and request.budget.steps is None else _limited(made, request, objective)


def _phases(request: LoopRequest, model: Model, decode: Chain) -> tuple[Phase, ...]:
    quality = request.quality
    true_ear = Phase(
        name="listen", chain=decode, iterations=TRUE_ITERATIONS[quality], through_waveform=True,
    )
    ends = (true_ear,) if hasattr(model, "listen_through") and true_ear.iterations else ()
    if request.method == "ditto":
        return (Phase(name="optimise", chain=decode, iterations=CHAIN_ITERATIONS[quality]), *ends)
    if request.method == "ditto2":
        surrogate = Phase(
            name="optimise", chain=_surrogate(model.card), iterations=SURROGATE_ITERATIONS[quality]
        )
        closing = Phase(name="close", chain=decode, iterations=CLOSING_ITERATIONS[quality])
        return (surrogate, closing, *ends)
    return ()


def _surrogate(card: ModelCard) -> Chain:
    return Chain(steps=card.surrogate_steps, sampler=card.sampler)


def _paper_iterations(objective: Objective) -> int:
    longer = any(goal.kind in PAPER_LONG for goal in objective.goals)
    return PAPER_LONG_ITERATIONS if longer else PAPER_ITERATIONS


def _limited(plan: Plan, request: LoopRequest, objective: Objective) -> Plan:
    """Cut the phases to the budget's steps, the closing ones first kept: they decide what is delivered."""
    left = request.budget.steps if request.budget.steps is not None and objective.goals else 0
    kept: list[Phase] = []
    for phase in reversed(plan.phases):
        iterations = min(phase.iterations, left) if phase is plan.phases[0] else min(phase.iterations, left // 3)
        left -= iterations
        kept.insert(0, replace(phase, iterations=iterations))
    return replace(plan, phases=tuple(phase for phase in kept if phase.iterations))


def paper_objective(objective: Objective) -> Objective:
    """Return the objective with the paper's own weights: intensity 1/40, or 1/4 beside melody, all others 1."""
    kinds = {goal.kind.partition("-")[0] for goal in objective.goals}
    if len(kinds) < 2:
        return objective
    weight = PAPER_INTENSITY_WEIGHT_WITH_MELODY if "melody" in kinds else PAPER_INTENSITY_WEIGHT
    return Objective(tuple(_with_paper_weight(goal, weight) for goal in objective.goals))


def _with_paper_weight(goal: Goal, weight: float) -> Goal:
    return replace(goal, weight=weight if goal.kind.startswith("intensity") else 1.0)


def paper_kind(kind: str) -> str:
    """Return the paper's own version of a control."""
    return "intensity-paper" if kind == "intensity" else kind
