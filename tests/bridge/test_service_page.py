"""The Python of `docs/service.md` runs as it stands there."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge import client
from bridge.takes.delivery import write_take
from engine.errors import BadRequestError
from engine.events import Sound, Take
from engine.request import Control, Curve, LoopRequest, Notes, Onsets, Words

PAGE = Path(__file__).parents[2] / "docs" / "service.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", EXAMPLES, ids=range(len(EXAMPLES)))
def test_each_example_runs(
    code: str,
    service: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the service of the page: a bare prompt, a curve and a melody, a take changed, settings as text."""
    peer = service.peer
    monkeypatch.setattr(client, "Client", partial(client.Client, peer))
    monkeypatch.setenv("DITTO_TAKES", str(tmp_path))
    request = LoopRequest(prompt="house", request_id="r0")
    sound = Sound(samples=bytes(8 * 100), sample_rate=44_100)
    write_take(tmp_path, request, Take(request_id="r0", take=0, sound=sound, scores={}, noise=b"noise", record={}))
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    if "second" in names:
        assert len(names["second"]) == 1
    else:
        assert "Done" in said or f"seed {names['request'].seed}" in said


def test_the_page_has_them_all() -> None:
    """No example is passed over."""
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Curve([0, 1]), "pairs of beat and value"),
        (lambda: Curve([(0, "loud")]), "pairs of beat and value"),
        (lambda: Curve("x"), "pairs of beat and value"),
        (lambda: Curve(None), "pairs of beat and value"),
        (lambda: Curve([]), "at least one"),
        (lambda: Curve([(0, -30)], unit="dB"), "db, hz, unit"),
        (lambda: Curve([(8, -9), (0, -30)]), "put them in order"),
        (lambda: Notes([(60, 0)]), "pitch, beat, duration"),
        (lambda: Notes([(200, 0, 1)]), "0 to 127"),
        (lambda: Onsets([(0, 2.0)]), "strengths 0 to 1"),
        (lambda: Onsets([(0, 1.0, "boom")]), "kick"),
        (lambda: Control(kind="intensity", target=[(0, -30)]), "Curve([(0, -30), (8, -12)])"),
        (lambda: Control(kind="x", target=Words(text="a"), within=3), "two beats"),
        (lambda: LoopRequest(tempo_bpm="fast"), "a number"),
        (lambda: LoopRequest(meter="x"), "7/8"),
        (lambda: LoopRequest(bars="four"), "a whole number"),
        (lambda: LoopRequest(prompt=None), "a text"),
        (lambda: LoopRequest(method="magic"), "ditto2"),
        (lambda: LoopRequest(controls=[3]), "a list of controls"),
        (lambda: LoopRequest(loop="yes"), "True or False"),
    ],
)
def test_a_wrong_target_is_answered_in_a_sentence(make: Any, words: str) -> None:
    """Never with the traceback of something inside."""
    with pytest.raises(BadRequestError) as fault:
        make()
    assert words in f"{fault.value.sentence} {fault.value.remedy}"


def test_plain_lists_and_numbers_are_targets() -> None:
    """Lists, tuples, floats and texts become what the wire carries, exactly."""
    rough = LoopRequest(
        tempo_bpm=93.7,
        meter="7/8",
        controls=[Control(kind="intensity", target=Curve([[0, -30], (1.5, -12)]), within=(0, 2))],
        seed=1,
        request_id="r",
    )
    assert str(rough.tempo_bpm) == "937/10"
    assert rough.controls[0].within == (0, 2)
    assert rough.controls[0].target == Curve(points=((0, -30.0), (1.5, -12.0)))
    assert Notes([(60, 0, "1/3")]).notes[0].duration.denominator == 3
    assert Onsets([(0, 1), (0.5, 0.5, "kick")]).onsets[1].group == "kick"
