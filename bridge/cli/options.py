"""The options that describe a loop, once for every command that asks for one.

`takes_loop_options` gives a command all fields of `LoopOptions` as options; the command receives them
as one value. `asked.build_request` turns that value into a `LoopRequest`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, get_type_hints

import typer

from engine.request import Method, Quality

P = ParamSpec("P")

_MUSIC, _STEER, _MAKE = "The music", "What it follows", "How it is made"


def _option(panel: str, sentence: str, *names: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=sentence, metavar=metavar, rich_help_panel=panel)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopOptions:
    """What was typed, not yet checked; the field's names are the option's."""

    prompt: Annotated[str, _option(_MUSIC, "What it should sound like.")] = ""
    negative_prompt: Annotated[str, _option(_MUSIC, "What it should not sound like.")] = ""
    tempo: Annotated[str, _option(_MUSIC, "Quarter notes a minute, 20 to 999.", metavar="BPM")] = "120"
    bars: Annotated[int, _option(_MUSIC, "Length, 1 to 16 bars.")] = 4
    time_signature: Annotated[str, _option(_MUSIC, "Such as 4/4, 6/8 or 7/8.", metavar="N/D")] = "4/4"
    key: Annotated[str | None, _option(_MUSIC, 'Such as "A minor"; else the melody\'s, where there is one.')] = None
    loop: Annotated[bool, _option(_MUSIC, "Let the end run into the start.")] = True

    intensity: Annotated[
        str | None,
        _option(_STEER, "beat:dB pairs, FILE.json or SET.als#Track/Device/Parameter.", metavar="CURVE"),
    ] = None
    brightness: Annotated[str | None, _option(_STEER, "beat:Hz pairs, FILE.json or SET.als#....", metavar="CURVE")] = (
        None
    )
    melody: Annotated[str | None, _option(_STEER, "FILE.mid, or FILE.mid#Track.", metavar="MIDI")] = None
    rhythm: Annotated[str | None, _option(_STEER, "FILE.mid with drums, or FILE.mid#Track.", metavar="MIDI")] = None
    structure: Annotated[str | None, _option(_STEER, "A form such as AABA, or reference audio.")] = None
    timbre: Annotated[Path | None, _option(_STEER, "Reference audio to sound like.")] = None
    inpaint: Annotated[Path | None, _option(_STEER, "Audio of which a part is kept; see --keep.")] = None
    keep: Annotated[list[str], _option(_STEER, "Beats of that audio to keep.", metavar="FROM:TO")] = ()  # type: ignore[assignment]
    outpaint: Annotated[
        int | None, _option(_STEER, "Keep all of the --inpaint audio and add so many bars.", metavar="BARS")
    ] = None
    control: Annotated[list[str], _option(_STEER, "Any other control.", metavar="NAME=VALUE")] = ()  # type: ignore[assignment]
    controls: Annotated[list[Path], _option(_STEER, "Python file that adds controls.", metavar="FILE.py")] = ()  # type: ignore[assignment]
    weight: Annotated[list[str], _option(_STEER, "How much a control counts.", metavar="NAME=2")] = ()  # type: ignore[assignment]
    only: Annotated[list[str], _option(_STEER, "Beats where a control holds.", metavar="NAME=FROM:TO")] = ()  # type: ignore[assignment]

    seed: Annotated[int | None, _option(_MAKE, "The same seed gives the same loop; else a new one.")] = None
    count: Annotated[int, _option(_MAKE, "So many takes, the best first, 1 to 8.")] = 1
    from_take: Annotated[str | None, _option(_MAKE, "Start from a take: its id or its file.", metavar="TAKE")] = None
    variation: Annotated[float, _option(_MAKE, "How far to leave that take, 0 to 1.")] = 0.0
    model: Annotated[str, _option(_MAKE, "A model's name or folder; see `ditto-live models`.")] = "pocket"
    method: Annotated[Method, _option(_MAKE, "How the noise is found.")] = "ditto2"
    quality: Annotated[Quality, _option(_MAKE, "How long to search.")] = "normal"
    seconds: Annotated[float | None, _option(_MAKE, "Search for so many seconds at most.")] = None
    steps: Annotated[int | None, _option(_MAKE, "Search for so many steps at most.")] = None
    sample_rate: Annotated[int, _option(_MAKE, "Of the file, in Hz; use your set's.")] = 44_100


def takes_loop_options(command: Callable[Concatenate[LoopOptions, P], int]) -> Callable[..., int]:
    """Return `command`, whose first parameter is a `LoopOptions`, with one option for each of its fields."""
    hints = get_type_hints(LoopOptions, include_extras=True)
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    names = [field.name for field in fields(LoopOptions)]

    @wraps(command)
    def run(**given: Any) -> int:
        options = LoopOptions(**{name: given.pop(name) for name in names})
        return command(options, **given)  # type: ignore[call-arg]

    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter(field.name, keyword, default=_default(field.default), annotation=hints[field.name])
        for field in fields(LoopOptions)
    ]
    parameters = [*shared, *(parameter.replace(kind=keyword) for parameter in own)]
    run.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": int}
    del run.__wrapped__  # or typer would look at the hidden signature
    return run


def _default(value: Any) -> Any:
    return [] if value == () else value
