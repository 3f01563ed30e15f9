"""Another domain: the same `engine/search` steers a small model of pictures towards a digit, by a classifier.

    python -m benchmarks digits --seeds 96 [--steps 4000] [--publish]

A flow over the 8 x 8 digits of scikit-learn is trained here, and a classifier whose answer the search follows
(`baselines/digit_model.py`). Each seed asks for another digit than its noise gives. Judges: the five nearest of the
other half of the digits, which neither has seen, and how far the nearest of them is. `ditto2` searches through 4 steps
of the delivered 16. Rows are `METHOD/SEED`.
"""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.papers.baselines import digit_model
from benchmarks.papers.baselines.digit_model import CLASSES, DigitModel, Pictures
from benchmarks.quality.control import UNHURRIED
from benchmarks.rows import Row, Rows, mean_interval
from engine.controls import Term
from engine.models.protocol import Model
from engine.request import LoopRequest, Method
from engine.sampling import start_noise
from engine.search import guidance, methods
from engine.search.minimize import minimize
from engine.search.objective import Goal, Objective
from engine.search.surrogate import latent_of
from engine.spectrum import Spectrum

METHODS: tuple[Method, ...] = (Method.NONE, Method.GUIDANCE, Method.DITTO_PAPER, Method.DITTO, Method.DITTO2)
TRAINED, TOLERANCE = 4_000, 0.1
BAR = (
    "Bar: `ditto2` finds the digit for at least 95 % of seeds by a judge that no search met, no farther from true "
    "digits than free pictures; the project's own. The papers have no pictures."
)


def objective(digit: int, classifier: nn.Module) -> Objective:
    """Return the goal to be a digit, within a tenth of the classifier's certainty."""

    def logits(latent: Tensor) -> Tensor:
        return torch.as_tensor(classifier(latent.flatten(1)))

    def loss(_: Spectrum, latent: Tensor) -> Tensor:
        return functional.cross_entropy(logits(latent), torch.full((len(latent),), digit), reduction="none")

    def distance(_: Spectrum, latent: Tensor) -> Tensor:
        return 1 - logits(latent).softmax(1)[:, digit]

    term = Term(loss=loss, distance=distance)
    return Objective((Goal(name="digit", kind="text", weight=1.0, tolerance=TOLERANCE, term=term),))


def free(model: Model, seed: int) -> Tensor:
    """Return the picture of a seed's noise."""
    return made(model, Objective(()), Method.NONE, seed)[0]


def made(model: Model, goal: Objective, method: Method, seed: int) -> tuple[Tensor, float]:
    """Return the picture [1, 8, 8] that a method makes of a seed's noise, and its steps."""
    request = LoopRequest(prompt="", method=method, seed=seed, budget=UNHURRIED)
    scene = model.scene(request)
    noise, plan = start_noise(scene, seed), methods.plan(request, model, goal)
    steps = 0
    if goal.goals and method is Method.GUIDANCE:
        latent = next(guidance.guide(goal, model, scene, noise)).latent
        assert latent is not None
        return latent, float(guidance.STEPS)
    if goal.goals and method is not Method.NONE:
        *_, step = minimize(plan, goal, model, scene, noise)
        noise, steps = step.best_noise, step.index
    with torch.no_grad():
        return latent_of(model, scene, noise, plan.decode, checkpoint=False), float(steps)


def measured(model: Model, classifier: nn.Module, known: Pictures, method: Method, seed: int) -> Row:
    """Make one picture and judge it."""
    plain = free(model, seed)
    own, _ = digit_model.judged(plain, known)
    asked = (int(own) + 1 + seed % (CLASSES - 1)) % CLASSES
    picture, steps = made(model, objective(asked, classifier), method, seed)
    heard, nearest = digit_model.judged(picture, known)
    return {
        "judged": 100.0 * float(int(heard) == asked),
        "classified": 100.0 * float(int(classifier(picture.flatten(1)).argmax()) == asked),
        "nearest": float(nearest), "moved": float((picture - plain).norm()), "steps": steps,
    }  # fmt: skip


def table(rows: Rows) -> Table:
    """Return how often each method finds its digit, and how far it goes."""
    body = []
    for method in METHODS:
        found = list(rows.below(method).values())
        names = ("judged", "classified", "nearest", "moved", "steps")
        means = [mean_interval([row[name] for row in found]) for name in names]
        body.append([method, str(len(found)), *("" if one is None else cell(one[0], 3, span=one[1:]) for one in means)])
    head = ("method", "seeds", "digit by the judge, %", "by the classifier, %", "to the nearest true digit",
            "from the seed's picture", "steps")  # fmt: skip
    return Table(head=head, body=body, bar=BAR)


def main() -> None:
    """Read the command line; train, make and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--steps", type=int, default=TRAINED, help="training steps of the flow and of the classifier")
    add_rows(options, "digits", seeds=96)
    chosen = options.parse_args()
    rows = open_rows(chosen, f"digits, {chosen.steps} steps")
    own, known = digit_model.halves()
    model, classifier = DigitModel(digit_model.flow(own, chosen.steps)), digit_model.classifier(own, chosen.steps // 2)
    for seed in range(chosen.seeds):
        for method in METHODS:
            rows.get(f"{method}/{seed}", partial(measured, model, classifier, known, method, seed))
    print(table(rows).markdown())
