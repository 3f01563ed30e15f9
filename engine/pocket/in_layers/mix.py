"""Which requests `pocket` plays as one full mix, and what it says of it."""

from ...controls import find
from ...errors import BadRequestError
from ...request import MIX, LoopRequest
from ...request.layers import called
from ...takes.noise import layered_from_bytes


def mix_notes(request: LoopRequest) -> tuple[str, ...] | None:
    """Return None where `request` is played in layers, else sentences on why it is not, where it does not ask for that.

    Raises `BadRequestError` where something is asked for that no full mix can do.
    """
    if request.layers == (MIX,):
        return ()
    why = _why_mix(request)
    if why is None:
        return _quicker(request)
    impossible = [called(name) for name in ("again", "mute", "beside", "stems") if getattr(request, name)]
    if impossible:
        raise BadRequestError(f"{why}, so that {impossible[0]} cannot be used.", remedy=f"Leave out {impossible[0]}.")
    asked = [name for name in ("layers", "chords") if getattr(request, name)]
    asked += [f"layers of its own for {control.kind}" for control in request.controls if control.on]
    return (f"{why}: the full mix plays, without {' and '.join(asked)}." if asked else f"{why}: the full mix plays.",)


def _why_mix(request: LoopRequest) -> str | None:
    """Return the beginning of a sentence on why the full mix plays; None where layers do."""
    for control in request.controls:
        if find(control.kind).reference is not None:
            return f"The reference of {control.kind} is one sound without layers"
    if request.start is not None and layered_from_bytes(request.start.noise) is None:
        return "The take that this begins from is one sound without layers"
    return None


def _quicker(request: LoopRequest) -> tuple[str, ...] | None:
    """Return why one sound plays where a control moves all of a loop and nothing asks for layers; None where they play.

    A search that moves every layer takes three times as long as one of the full mix, and a producer waits for it.
    """
    asked = request.layers or request.chords or request.mute or request.stems or request.beside or request.start
    if asked or any(control.on for control in request.controls):
        return None
    whole = [control.kind for control in request.controls if not find(control.kind).layers]
    if not whole:
        return None
    return (
        f"This is one full mix, which follows {' and '.join(dict.fromkeys(whole))} soonest. Where layers are named, "
        "such as drums,bass,chords, each of them follows; that takes three times as long.",
    )
