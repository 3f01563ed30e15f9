"""From settings to one valid request, for the command line, OSC and Python; nothing else reads settings.

    settings, rows -> scalars -> values of prompt and take -> LoopRequest -> its controls -> Reading

The caller runs where the files are: the MIDI, audio, Live sets and takes that settings name are read here, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import BadInputError, BadRequestError
from engine.pocket.prompts import READERS, sentences, settings_overruled
from engine.request import Budget, LoopRequest, Notes, new_seed
from engine.service.messages import Priority
from engine.settings import Settings
from midi.key import guess_key, read_key

from .beside import fitting, named, read_beside
from .chords import bars_that_fit, read_chords
from .controls import ControlSource, added_bars, read_controls
from .fields import ATTRIBUTES, FIELDS, INHERITED, OUTPAINT_FILE, RENAMED, Frontend, field_of, is_known, unknown
from .hinted import hinted
from .layers import read_layers, refuse_again
from .parent import (
    Parent,
    all_alike,
    in_its_key,
    inherited,
    is_unchanged,
    left_behind,
    older,
    read_parent,
    refuse_another_length,
)
from .recorded import told_tempo
from .scalars import read_scalars
from .sent import Chunks
from .song import of_song
from .sounds import SoundPart
from .targets import TargetRow

_OWN = (
    "prompt", "negative_prompt", "tempo_bpm", "time_signature", "bars", "key", "layers", "loop", "count", "again",
    "mute", "stems", "model", "method", "quality", "sample_rate",
)  # fmt: skip
FindRow = Callable[[str], TargetRow | None]
"""From a control's name to its row; where there is none, the form of the text decides the type of the target."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A valid request, its priority in the queue, and sentences on how it was understood."""

    request: LoopRequest
    priority: Priority = Priority.INTERACTIVE
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Draft:
    """A request while it is read: `given` are its scalars by field, `say` collects remarks."""

    settings: dict[str, str]
    chunks: Chunks
    frontend: Frontend
    given: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """Keep a sentence for the producer, once."""
        if sentence and sentence not in self.remarks:
            self.remarks.append(sentence)


def read_request(
    settings: Mapping[str, str],
    chunks: Chunks | None = None,
    *,
    frontend: Frontend = Frontend.PYTHON,
    takes: Path | None = None,
    request_id: str = "",
    instance: str = "",
    rows: FindRow = lambda _kind: None,
) -> Reading:
    """Return the request that settings, and curves, notes and onsets sent as rows, ask for.

    `takes` is the folder of takes that `from_take` is looked up in (by default the producer's), `instance` the device
    whose `slot` is meant, `rows` finds controls that do not ship with Ditto Live. Raises `DittoError` in one sentence
    for a setting that is not allowed and for a file that cannot be read.
    """
    draft = _Draft({}, chunks or {}, frontend)
    try:
        draft.settings = _renamed(settings, draft.say)
        draft.given = read_scalars(draft.settings, frontend) | read_layers(draft.settings, frontend)
        parent = read_parent(draft.given, takes or Settings().takes, frontend)
        request = _request(draft, parent, request_id, instance, rows)
        if "prompt" in draft.given:
            for sentence in settings_overruled(request):
                draft.say(sentence)
        if request.model in READERS:  # words that a take hands on were heard when it was made
            for sentence in sentences(*(draft.given.get(name, "") for name in ("prompt", "negative_prompt"))):
                draft.say(sentence)
    except (OSError, ValueError, TypeError) as error:  # a path that no file can have, a row that is no row
        raise BadInputError(f"What was given cannot be read: {error}.") from error
    return Reading(request, draft.given.get("priority", Priority.INTERACTIVE), tuple(draft.remarks))


def _renamed(settings: Mapping[str, str], say: Callable[[str], None]) -> dict[str, str]:
    """Return the settings by their present names; raise `BadRequestError` for an unknown name."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if not is_known(name):
            sentence, remedy = unknown(name)
            raise BadRequestError(sentence, remedy=remedy)
        if not str(value).strip():
            continue
        if name in RENAMED:
            say(f"{name} is called {RENAMED[name]} now; it was read as that.")
        found[RENAMED.get(name, name)] = str(value)
    if OUTPAINT_FILE in found:
        say(f"{OUTPAINT_FILE} is two settings now, inpaint and outpaint (bars to add); it was read as those.")
    # In the order of the table, whatever order they came in: of several faults the same one is reported.
    places = {row.name: place for place, row in enumerate(FIELDS)}
    return dict(sorted(found.items(), key=lambda item: places.get(getattr(field_of(item[0]), "name", ""), 0)))


def _request(draft: _Draft, parent: Parent | None, request_id: str, instance: str, rows: FindRow) -> LoopRequest:
    """Return the request: first without its controls, so that a wrong length is said before any file is read."""
    before = parent.handed_on(draft.given.get("layers")) if parent else {}
    values = hinted(draft.given, before, draft.say)
    taken = tuple(name for name in INHERITED if name in before and name not in values)
    values = before | values
    recording = named(values["with"]) if "with" in draft.given else None
    kept = SoundPart.parse(draft.settings["inpaint"]) if "inpaint" in draft.settings else None
    if kept is not None and recording is None:  # a song's notes are played at any tempo, and what is kept is not
        values |= told_tempo(kept, values, draft.say)
    values |= of_song(draft.settings, values, draft.say, tempo=recording is None)
    if recording is not None:  # its tempo counts, and its bars are those of the song's time signature
        values |= fitting(recording, values, draft.say)
        values |= {} if kept is None else told_tempo(kept, values, draft.say)
    if not values.keys() & {"bars", "outpaint"}:
        values["bars"] = bars_that_fit(values.get("chords", ""), LoopRequest().bars, draft.say)
    values["bars"] = added_bars(draft.settings, values, draft.frontend, draft.say)
    if parent is not None and (parent.request is not None or parent.layers):
        refuse_again(draft.given, parent.name, parent.layers, draft.frontend)
    bare = _bare(values, parent, _seed(draft, parent), request_id, instance)
    if parent is not None:
        refuse_another_length(parent, bare)
    controls = read_controls(_source(draft, bare, parent, rows))
    request = controls.request
    if parent is not None:
        request = _after(parent, draft, request, taken, controls_inherited=controls.inherited)
    if not controls.inherited:
        request = _in_the_melodys_key(request, draft.say)
    beside = before.get("with") if "with" not in draft.given else None
    if recording is not None:
        beside = read_beside(recording, request, draft.say)
    chords = read_chords(
        values.get("chords", ""),
        draft.chunks,
        request,
        draft.frontend,
        draft.say,
        inherited="chords" not in draft.given,
    )
    return _kept_as_it_was(draft, parent, msgspec.structs.replace(request, chords=chords, beside=beside))


def _after(
    parent: Parent, draft: _Draft, request: LoopRequest, taken: tuple[str, ...], *, controls_inherited: bool
) -> LoopRequest:
    """Return a request that begins from a take in its key, and say what of the take it has, and has not."""
    follows_anew = bool(request.controls) and not controls_inherited
    request = in_its_key(parent, request, draft.given, controls=follows_anew)
    draft.say(inherited(parent, taken, request, controls=controls_inherited))
    draft.say(older(parent) if request.model in READERS else "")
    for sentence in (left_behind(parent, request), all_alike(parent, request)):
        draft.say(sentence)
    return request


def _seed(draft: _Draft, parent: Parent | None) -> int:
    """Return the seed that is given; else the parent's where it is the same loop, else a new one."""
    if (seed := draft.given.get("seed")) is not None:
        return int(seed)
    is_same = parent is not None and not parent.start.variation and not draft.given.get("again")
    if parent is not None and parent.request is not None and is_same:
        return parent.request.seed
    seed = new_seed()
    draft.say(f"Seed {seed} was chosen.")
    return seed


def _bare(values: Mapping[str, Any], parent: Parent | None, seed: int, request_id: str, instance: str) -> LoopRequest:
    """Return the request without its controls; a field that is open has the type's own default."""
    fields: dict[str, Any] = {ATTRIBUTES.get(name, name): values[name] for name in _OWN if name in values}
    if request_id:
        fields["request_id"] = request_id
    if values.get("slot"):
        fields["slot"] = f"{instance}/{values['slot']}" if instance else values["slot"]
    budget = {name: values[name] for name in ("steps", "seconds", "until_tolerance", "plain_start") if name in values}
    return LoopRequest(**fields, seed=seed, budget=Budget(**budget), start=parent.start if parent else None)


def _source(draft: _Draft, bare: LoopRequest, parent: Parent | None, rows: FindRow) -> ControlSource:
    """Return what the controls of the request `bare` are read from."""
    return ControlSource(
        settings=draft.settings,
        chunks=draft.chunks,
        loop=bare,
        frontend=draft.frontend,
        rows=rows,
        say=draft.say,
        parent=_parents(parent, bare),
    )


def _parents(parent: Parent | None, request: LoopRequest) -> LoopRequest | None:
    """Return the parent's request where its controls fit this loop: they lie at beats of that one."""
    before = parent.request if parent is not None else None
    return before if before is not None and before.beats == request.beats else None


def _in_the_melodys_key(request: LoopRequest, say: Callable[[str], None]) -> LoopRequest:
    """Return the request in its melody's key, where nothing else has named one."""
    if request.key is not None:
        say(read_key(request.key).remark)
        return request
    melody = next((c.target for c in request.controls if c.kind == "melody"), None)
    if not isinstance(melody, Notes):
        return request
    guess = guess_key(melody.notes)
    say(guess.sentence)
    return msgspec.structs.replace(request, key=str(guess.key))


def _kept_as_it_was(draft: _Draft, parent: Parent | None, request: LoopRequest) -> LoopRequest:
    """Return the request without a search where nothing is changed: the take's own noise is the loop.

    How it sounds depends on the weights, too: the engine, which has them, says where they are others than the take's.
    """
    searches = any(name in draft.given for name in ("steps", "seconds", "quality", "until_tolerance"))
    if parent is None or searches or not is_unchanged(parent, request, mix=False):
        return request
    if is_unchanged(parent, request):
        draft.say("Nothing is changed since the take; for another loop, ask for a variation of 0.3 or another prompt.")
    else:
        draft.say("Since the take only what is muted is changed.")
    return msgspec.structs.replace(request, budget=Budget(steps=0))
