"""A search for a tune begins with the tune shown to the network, and a take sounds by what its network was shown."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from engine import controls, metrics, pipeline
from engine.audio.finish import Finished, finish
from engine.errors import BadInputError
from engine.events import Stems, Take
from engine.metrics.verdict import Grade
from engine.models.protocol import HasControlInputs, Scene
from engine.models.speed.threads import with_threads
from engine.pocket.controls import ControlInputs
from engine.pocket.flow import Flow
from engine.pocket.layered import LayeredPocket, load_layered
from engine.pocket.network import CONTROL_CHANNELS, TUNE, TUNE_KNOWN
from engine.pocket.sound import _cache
from engine.request import MIX, Budget, Control, Curve, LoopRequest, Method, Notes, Point, Start
from engine.search.surrogate import latent_of
from engine.settings import Settings
from engine.takes import audibility
from engine.takes.noise import CONTROL_INPUTS, CONTROLS, OpenSeeds, controls_from_bytes, noise_to_bytes, stored_facts
from engine.takes.prepared import prepare
from midi.notes import Note

TUNE_NOTES = tuple(
    Note(pitch=72 + step, start=Fraction(beat), duration=Fraction(1)) for beat, step in enumerate((0, 4, 7, 4))
)
MELODY = Control(kind="melody", target=Notes(notes=TUNE_NOTES))
OTHER = Control(kind="melody", target=Notes(notes=tuple(replace(one, pitch=one.pitch + 2) for one in TUNE_NOTES)))
LEVEL = Control(kind="intensity", target=Curve(points=(Point(Fraction(0), -20.0), Point(Fraction(2), -14.0))))
LEVEL_OF_LEAD = Control(kind="intensity", target=LEVEL.target, on=("lead",))
LAYERS = ("drums", "lead")


@pytest.fixture(scope="module")
def model() -> LayeredPocket:
    return load_layered(Settings(dtype="float32"))


def asked(**fields: object) -> LoopRequest:
    """Return a request for one bar in two layers that follows the tune."""
    return LoopRequest(**{"prompt": "house", "bars": 1, "seed": 5, "layers": LAYERS, "controls": (MELODY,), **fields})  # type: ignore[arg-type]


def made(request: LoopRequest, model: LayeredPocket) -> Take:
    return next(event for event in pipeline.make_loop(request, model, Settings()) if isinstance(event, Take))


def sound(take: Take) -> np.ndarray:
    return np.frombuffer(take.sound.samples, "<f4").reshape(-1, 2).T


def begun_from(take: Take, **fields: object) -> LoopRequest:
    return asked(start=Start(noise=take.noise), **fields)


def test_only_the_lead_is_shown_the_tune_and_nothing_else(model: LayeredPocket) -> None:
    """Its pitch classes frame by frame, and that they are known; drums are shown nothing, nobody a level."""
    rows = model.controls_of(model.scene(asked(controls=(MELODY, LEVEL))))
    assert rows is not None
    assert isinstance(model, HasControlInputs)
    assert not rows[LAYERS.index("drums")].any()
    lead = rows[LAYERS.index("lead")]
    assert (lead[:, TUNE].argmax(1).unique_consecutive() == torch.tensor([0, 4, 7, 4])).all()
    others = [place for place in range(CONTROL_CHANNELS) if place not in (*range(CONTROL_CHANNELS)[TUNE], TUNE_KNOWN)]
    assert not lead[:, others].any()


def test_a_layer_that_is_shown_nothing_is_sampled_once(model: LayeredPocket, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the others hear it, and not again beside the tune; the lead once more, with the tune."""
    calls: list[int] = []
    inner = Flow._denoised

    def counted(flow: Flow, latent: torch.Tensor, *rest: Any) -> torch.Tensor:
        calls.append(len(latent))
        return inner(flow, latent, *rest)

    monkeypatch.setattr(Flow, "_denoised", counted)
    ready = prepare(asked(seed=77), model)
    chain = model.card.decode_steps
    assert len(calls) == chain * (len(LAYERS) + 1)
    assert ready.uncontrolled() is not None
    assert len(calls) == chain * (len(LAYERS) + 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"method": Method.NONE}, {"method": Method.GUIDANCE}, {"method": Method.DITTO_PAPER}, {"controls": (LEVEL,)},
        {"budget": Budget(steps=0)}, {"budget": Budget(plain_start=True)},
    ],
)  # fmt: skip
def test_without_a_search_for_a_tune_nothing_is_shown(fields: dict[str, object], model: LayeredPocket) -> None:
    """An uncontrolled loop is one, the papers' methods see words alone, and a plain start is plain."""
    assert model.controls_of(model.scene(asked(**fields))) is None


def test_without_control_inputs_nothing_is_shown(model: LayeredPocket) -> None:
    """As the papers' methods are measured: a search for a tune alone."""
    assert model.controls_of(model.scene(asked())) is not None
    alone = load_layered(Settings(dtype="float32"), inputs=ControlInputs.OFF)
    assert alone.controls_of(alone.scene(asked())) is None


def test_a_take_is_made_again_by_what_it_was_shown(model: LayeredPocket) -> None:
    """To the bit, also where its request would be read otherwise today; and a take that was shown nothing is, too."""
    budgets = Budget(steps=2), Budget(steps=2, plain_start=True)
    take, plain = (made(asked(budget=budget), model) for budget in budgets)
    assert controls_from_bytes(take.noise) is not None
    assert controls_from_bytes(plain.noise) is None
    for one in (take, plain):
        np.testing.assert_array_equal(pipeline.rebuild(asked(), model, one.noise), sound(one))


def test_with_several_threads_a_take_is_made_again_where_nothing_is_known_of_it(model: LayeredPocket) -> None:
    """A lead that a search heard alone sounds to the bit as it does side by side with the other layers."""
    with with_threads(2):
        take = made(asked(bars=2, budget=Budget(steps=2)), model)
        _cache.clear()
        rebuilt = pipeline.rebuild(asked(bars=2), load_layered(Settings(dtype="float32")), take.noise)
    np.testing.assert_array_equal(rebuilt, sound(take))


def test_what_begins_from_a_take_goes_on_from_its_sound(model: LayeredPocket) -> None:
    """A level alone keeps the tune; another tune takes its place; a lead that is made again forgets it."""
    take = made(asked(budget=Budget(steps=1)), model)
    kept = controls_from_bytes(take.noise)
    assert kept is not None
    for fields in ({"controls": (LEVEL,)}, {"controls": ()}, {"method": Method.NONE}, {"budget": Budget(steps=0)}):
        assert torch.equal(model.controls_of(model.scene(begun_from(take, **fields))), kept.rows)  # type: ignore[arg-type]
    other = model.controls_of(model.scene(begun_from(take, controls=(OTHER,))))
    assert other is not None
    assert not torch.equal(other, kept.rows)
    assert model.controls_of(model.scene(begun_from(take, controls=(), again=("lead",)))) is None
    drums = model.controls_of(model.scene(begun_from(take, controls=(), again=("drums",))))
    assert drums is not None
    assert torch.equal(drums, kept.rows)


def test_a_take_of_before_goes_on_as_it_was_made(model: LayeredPocket) -> None:
    """It does not say what it was shown: a note that is moved must not change the whole loop."""
    take = made(asked(budget=Budget(steps=1)), model)
    stored = load(take.noise)
    facts = {name: text for name, text in stored_facts(take.noise).items() if name != CONTROL_INPUTS}
    older = save({name: tensor for name, tensor in stored.items() if name != CONTROLS}, metadata=facts)
    assert model.controls_of(model.scene(asked(controls=(OTHER,), start=Start(noise=older)))) is None
    assert model.controls_of(model.scene(asked(controls=(OTHER,), start=Start(noise=take.noise)))) is not None


@pytest.mark.parametrize(
    ("fields", "softer_db", "raised_db"),
    [({}, 40.0, 28.0), ({}, 12.5, 0.5), ({}, 3.0, 0.0), ({}, 80.0, 30.0),
     ({"controls": (MELODY, LEVEL)}, 40.0, 28.0), ({"budget": Budget(steps=1, plain_start=True)}, 40.0, 28.0),
     ({"controls": (LEVEL,)}, 40.0, 0.0), ({"method": Method.NONE}, 40.0, 0.0),
     ({"controls": (LEVEL_OF_LEAD,)}, 40.0, 0.0)],
)  # fmt: skip
def test_a_tune_is_heard_beside_the_others(
    fields: dict[str, object], softer_db: float, raised_db: float, model: LayeredPocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lead that is too soft is raised by one number, which is said, and so is the take when it is made again."""
    request, own = asked(**{"budget": Budget(steps=1), "stems": True, **fields}), model.stems

    def softly(latent: torch.Tensor, scene: Scene) -> torch.Tensor:
        stems = own(latent, scene)
        power = stems.square().mean((-2, -1))
        drums, lead = (scene.layers.index(name) for name in ("drums", "lead"))
        stems[:, lead] *= (power[:, drums] / power[:, lead]).sqrt()[:, None, None] * 10 ** (-softer_db / 20)
        return stems

    monkeypatch.setattr(model, "stems", softly)
    told = list(pipeline.make_loop(request, model, Settings()))
    take, stems = (next(event for event in told if isinstance(event, kind)) for kind in (Take, Stems))
    drums, lead = (np.frombuffer(stems.sounds[name].samples, "<f4").reshape(-1, 2).T for name in LAYERS)
    softer_now_db = 10 * np.log10(np.square(drums).mean() / np.square(lead).mean())
    assert softer_now_db == pytest.approx(softer_db - raised_db, abs=0.1)
    np.testing.assert_allclose(drums + lead, sound(take), atol=1e-5)
    assert any("louder so that it is heard" in note for note in take.notes) is (raised_db >= 1)
    np.testing.assert_array_equal(pipeline.rebuild(request, model, take.noise), sound(take))


def test_a_level_that_is_asked_for_stays_followed(model: LayeredPocket) -> None:
    """Drums follow a curve; a lead that does not is raised as far as the curve stays well followed, and no farther."""
    points = tuple(Point(Fraction(beat), level_db) for beat, level_db in ((0, -40.0), (2, -12.0), (4, -40.0)))
    swell = Control(kind="intensity", target=Curve(points=points))
    ready = prepare(asked(controls=(MELODY, swell)), model)
    samples = ready.scene.model_samples
    beats = torch.linspace(0, 4, samples)
    level_db = -40 + 28 * (1 - (beats - 2).abs() / 2)
    noise = torch.randn(2, 2, samples, generator=torch.Generator().manual_seed(0))
    stems = torch.stack([noise[0] * 10 ** (level_db / 20), noise[1] * 10 ** (-60 / 20)])

    def mixed(raised_db: torch.Tensor) -> Finished:
        louder = stems * 10 ** (raised_db / 20)[:, None, None]
        return finish(louder.sum(0), ready.scene, ready.request, stems=louder)

    def grade(raised_db: torch.Tensor) -> Grade:
        judges = {"intensity": controls.metrics()["intensity"]}
        (verdict,) = metrics.judge(mixed(raised_db).audio, ready.request.sample_rate, ready.request, judges)
        return verdict.grade

    raised = audibility.raised_db(ready, stems, mixed)
    missing = -12 - 10 * float((stems[1].square().mean() / stems[0].square().mean()).log10())
    assert 0 < float(raised[1]) < missing
    assert raised[0] == 0
    assert grade(torch.zeros(2)) == grade(raised) == Grade.GOOD
    assert grade(torch.tensor([0.0, missing])) != Grade.GOOD


def test_a_search_does_not_stay_near_a_lead_that_rests(model: LayeredPocket) -> None:
    """It stays near what the network plays of the tune; drums, and a lead that plays, are kept as they were."""
    ready = prepare(asked(controls=(MELODY, LEVEL)), model)
    uncontrolled = ready.uncontrolled()
    assert uncontrolled is not None
    assert audibility.anchor_latent(ready, uncontrolled) is uncontrolled
    frames = torch.full((1, 2 * ready.scene.frames), -60.0)
    resting = torch.stack([uncontrolled[:, 0], model.faded(uncontrolled, frames)[:, 1]], 1)
    near = audibility.anchor_latent(ready, resting)
    played = latent_of(model, ready.part.scene, ready.noise, ready.plan.decode, checkpoint=False)
    assert torch.equal(near[:, 0], uncontrolled[:, 0])
    assert torch.equal(near[:, 1], played[:, 1])
    assert not torch.allclose(near[:, 1], uncontrolled[:, 1], atol=0.1)


def test_the_distance_is_to_the_loop_that_is_shown_nothing(model: LayeredPocket) -> None:
    """A tune that is shown and not searched for has moved the loop, and the score says so."""
    noise = torch.randn((1, *model.scene(asked()).noise_shape), generator=torch.Generator().manual_seed(1))
    shown, free = model.scene(asked()), model.scene(asked(method=Method.NONE))
    latents = [
        pipeline.latent_of(model, scene, noise, pipeline.prepare(asked(), model).plan.decode) for scene in (shown, free)
    ]
    apart = [model.embedding_distance(latent, noise, shown) for latent in latents]
    assert apart[0] is not None
    assert apart[0] > 0.05
    assert apart[1] == pytest.approx(0.0, abs=1e-3)


def test_a_full_mix_is_shown_the_tune_too(model: LayeredPocket) -> None:
    """One row for the one sound; a take in layers hands on nothing to it."""
    rows = model.controls_of(model.scene(asked(layers=(MIX,))))
    assert rows is not None
    assert rows.shape[0] == 1
    take = made(asked(budget=Budget(steps=1)), model)
    assert model.controls_of(model.scene(begun_from(take, layers=(MIX,), controls=()))) is None


@pytest.mark.parametrize("rows", [torch.zeros(3, 5, 17), torch.zeros(4), torch.full((1, 5, 17), torch.nan)])
def test_damaged_rows_are_refused(rows: torch.Tensor) -> None:
    """In one sentence; noise of a stranger cannot bring values that are no numbers into the network."""
    data = noise_to_bytes(torch.zeros(5, 2), model="pocket", seed=0, open_seeds=OpenSeeds(0, 0), controls=rows)
    with pytest.raises(BadInputError):
        controls_from_bytes(data)
