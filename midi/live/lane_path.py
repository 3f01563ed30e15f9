"""Lanes by name: `Track/Device/Parameter`, in quotes where a name holds a slash."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from ..errors import MidiError
from ..files.file_part import split_file_part
from ..files.names import name_key
from .model import Lane, LiveSet

SET_ENDINGS = (".als", ".alc")
MAX_CANDIDATES = 12
_HOW = 'Write Track/Device/Parameter; a name with / or # goes in quotes: "AC/DC"/Mixer/Volume.'


def parse_lane_reference(text: str) -> tuple[str, str]:
    """Split `SET.als#Track/Device/Parameter` into the file's path and the lane's.

    The lane's path is empty where there is no `#`. Raises `MidiError` where no `.als` or `.alc` is named.
    """
    path, lane = split_file_part(text)
    if is_set(path):
        return str(path), lane
    raise MidiError("bad_lane_reference", f"{text[:60]!r} names no Live set.", f"Write SET.als#... {_HOW}")


def is_set(path: Path) -> bool:
    """Whether the name is one of a Live set or a clip of Live."""
    return path.suffix.lower() in SET_ENDINGS


def parse_lane_path(text: str) -> tuple[str, ...]:
    """Split a lane's path at its slashes; a part in double quotes may hold them, and `""` is one quote.

    Raises `MidiError` for quotes that do not close or do not enclose a whole part.
    """
    parts: list[str] = []
    rest = text.strip()
    while True:
        part, rest = _quoted(text, rest) if rest.startswith('"') else _plain(rest)
        parts.append(part)
        if not rest:
            return tuple(parts)
        rest = rest[1:]


def find_lane(live_set: LiveSet, path: str) -> Lane:
    """Return the one lane that `path` names; capitals and the form of an accent do not count.

    Three parts name track, device and parameter, a fourth the clip of a clip envelope. Where it is
    unique the parameter alone, or track and parameter, will do. Arrangement lanes win over clip
    envelopes of the same name. Raises `MidiError` that lists the candidates.
    """
    lanes = live_set.lanes
    if not lanes:
        raise MidiError("no_lanes", "The set holds no automation.", "Draw a lane in Live and save the set.")
    wanted = tuple(name_key(part) for part in parse_lane_path(path)) if path.strip() else ()
    found = [lane for lane in lanes if _matches(lane, wanted)]
    arranged = [lane for lane in found if lane.clip is None]
    if len(found) == 1 or len(arranged) == 1:
        return (arranged or found)[0]
    if found:
        raise MidiError("ambiguous_lane", f"{path!r} names several lanes: {_listed(found)}.", _HOW)
    raise MidiError("no_such_lane", f"The set has no lane {path[:80]!r}. It has: {_listed(_near(lanes, path))}.", _HOW)


def _quoted(whole: str, rest: str) -> tuple[str, str]:
    end = 1
    while True:
        end = rest.find('"', end)
        if end < 0 or (rest[end + 1 : end + 2] not in ("", "/", '"')):
            raise MidiError("bad_lane_path", f"The quotes in {whole[:80]!r} do not match.", _HOW)
        if rest[end + 1 : end + 2] != '"':
            return rest[1:end].replace('""', '"'), rest[end + 1 :]
        end += 2


def _plain(rest: str) -> tuple[str, str]:
    part, slash, after = rest.partition("/")
    return part.strip(), slash + after


def _matches(lane: Lane, wanted: tuple[str, ...]) -> bool:
    parts = tuple(name_key(part) for part in lane.parts)
    if len(wanted) >= 3:
        return parts[: len(wanted)] == wanted
    if len(wanted) == 2:
        return (parts[0], parts[2]) == wanted
    return len(wanted) == 1 and parts[2] == wanted[0]


def _near(lanes: Iterable[Lane], path: str) -> list[Lane]:
    """Return the lanes whose names are most like `path`, or the first ones."""
    by_path = {lane.path: lane for lane in lanes}
    if len(by_path) <= MAX_CANDIDATES:
        return list(by_path.values())
    names = list(by_path)[:2000]
    close = get_close_matches(path[:200], names, n=MAX_CANDIDATES, cutoff=0.3)
    return [by_path[name] for name in close or names[:MAX_CANDIDATES]]


def _listed(lanes: list[Lane]) -> str:
    names = [lane.path for lane in lanes[:MAX_CANDIDATES]]
    more = len(lanes) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")
