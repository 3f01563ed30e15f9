"""`ditto-live lanes FILE`: what a Live set or a MIDI file holds that can steer a loop, by the names to write."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from midi.bars import Bars
from midi.curves.automation import sample
from midi.live.lane_path import is_set
from midi.live.model import quote
from midi.live.note_file import MIDI_ENDINGS
from midi.live.set import Lane, LiveClip, LiveSet, lane_curve, read_set
from midi.tempo import Beats, exact, typed_tempo

from ..guard import say

if TYPE_CHECKING:
    from rich.table import Table

    from midi.smf.score import Score, ScoreTrack

BARS = "▁▂▃▄▅▆▇█"
CURVE_COLUMNS = 24
PIPE_COLUMNS = 200  # where there is no terminal to fit into
MAX_CHANGES = 3  # of a tempo or a signature that are listed; a ritardando has dozens


def lanes(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A saved Live set, a clip of Live or a MIDI file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show what a Live set or a MIDI file holds, as names for --melody "FILE#Track" and --intensity "FILE#Lane"."""
    if file.suffix.lower() in MIDI_ENDINGS and not is_set(file):
        from midi.smf.read import read_midi  # here, because only those who read MIDI files pay for loading mido

        score = read_midi(file)
        say(*score.remarks)
        _print(as_json, _score_json(score), _score_line(file, score), _score_tables(score))
        return
    live_set = read_set(file)
    say(*live_set.remarks)
    _print(as_json, _set_json(live_set), _set_line(file, live_set), _set_tables(live_set))


def _print(as_json: bool, found: dict[str, Any], headline: str, tables: "list[Table | str]") -> None:
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")  # plain ASCII, which every pipe can carry
        return
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS, highlight=False)
    console.print(headline, markup=False)
    for table in tables:
        console.print(table)


def _table(*titles: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(titles[0], overflow="fold")  # whole, as it is there to be copied
    for title in titles[1:]:
        table.add_column(title, overflow="fold")
    return table


def sparkline(lane: Lane, columns: int = CURVE_COLUMNS) -> str:
    """Return a lane between its first and last breakpoint as `columns` small bars, low to high."""
    start, end = drawn_range(lane)
    length = max(end - start, exact(1))  # one breakpoint alone is a flat line
    values = sample(lane_curve(lane, start, start + length), length, columns)
    low, high = lane.range
    height = np.clip((values - low) / ((high - low) or 1.0), 0.0, 1.0)
    return "".join(BARS[round(bar * (len(BARS) - 1))] for bar in height.tolist())


def drawn_range(lane: Lane) -> tuple[Beats, Beats]:
    """Return the beats of the first and last breakpoint that a producer drew; 0 and 0 without any."""
    drawn = lane.times[lane.times >= 0]  # the event long before the song is not drawn
    if not len(drawn):
        return exact(0), exact(0)
    return exact(float(drawn[0])), exact(float(drawn[-1]))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _positions(bars: Bars, start: Beats, end: Beats) -> str:
    """Return a range as Live counts bars: `bar 2.3 to bar 9`."""
    return f"{bars.position_of(start)} to {bars.position_of(end)}"


# -- a Live set


def _set_line(path: Path, live_set: LiveSet) -> str:
    clips = [clip for track in live_set.tracks for clip in track.clips]
    notes = sum(len(clip.note_data) for clip in clips)
    return (
        f"{path.name}: {live_set.creator}, {float(live_set.tempo_bpm):g} BPM, {live_set.meter}, "
        f"{_counted(len(live_set.tracks), 'track')}, {_counted(len(clips), 'clip')} with {_counted(notes, 'note')}, "
        f"{_counted(len(live_set.lanes), 'lane')}"
    )


def _set_tables(live_set: LiveSet) -> "list[Table | str]":
    from rich.markup import escape

    bars = live_set.bars
    drawn = _table("lane", "curve", "bars", "beats", "range", "events")
    for lane in live_set.lanes:
        own = bars if lane.clip is None else Bars.of(first=lane.meter)
        (start, end), (low, high) = drawn_range(lane), lane.range
        drawn.add_row(
            escape(lane.path), sparkline(lane), _positions(own, start, end), f"{float(start):.4g} to {float(end):.4g}",
            f"{low:.4g} to {high:.4g}", str(len(lane.times)),
        )  # fmt: skip
    played = _table("track with notes", "clips", "notes")
    with_notes = [track for track in live_set.tracks if track.note_clips]
    for track in with_notes:
        clips = track.note_clips
        names = ", ".join(dict.fromkeys(clip.label(bars) for clip in clips))
        played.add_row(escape(quote(track.name)), escape(names), str(sum(len(clip.note_data) for clip in clips)))
    return [*([played] if with_notes else []), drawn if live_set.lanes else "It holds no automation."]


def _set_json(live_set: LiveSet) -> dict[str, Any]:
    """Return what the tables show and more; beats and values are numbers."""
    return {
        "creator": live_set.creator,
        "tempo_bpm": float(live_set.tempo_bpm),
        "time_signature": str(live_set.meter),
        "tracks": [
            {
                "name": track.name,
                "kind": track.kind,
                "devices": [device.name for device in track.devices],
                "clips": [_clip_json(clip) for clip in track.clips],
            }
            for track in live_set.tracks
        ],
        "lanes": [_lane_json(lane) for lane in live_set.lanes],
    }


def _clip_json(clip: LiveClip) -> dict[str, Any]:
    return {
        "name": clip.name,
        "kind": clip.kind,
        "place": clip.place,
        "start": float(clip.start),
        "end": float(clip.end),
        "notes": len(clip.note_data),
    }


def _lane_json(lane: Lane) -> dict[str, Any]:
    start, end = drawn_range(lane)
    return {
        "path": lane.path,
        "track": lane.track,
        "device": lane.device,
        "parameter": lane.parameter,
        "clip": lane.clip,
        "range": lane.range,
        "from_beat": float(start),
        "to_beat": float(end),
        "events": len(lane.times),
        "curve": sparkline(lane),
    }


# -- a MIDI file


def _score_line(path: Path, score: "Score") -> str:
    bars, played = score.bars(), sum(bool(track.notes) for track in score.tracks)
    tempi = [(change.beat, f"{float(typed_tempo(change.tempo_bpm)):g} BPM") for change in score.tempos]
    meters = [(change.beat, str(change.meter)) for change in score.meters]
    told = [_changes(bars, changes) for changes in (tempi, meters) if changes]
    told.append(f"{_counted(played, 'track')} with {_counted(len(score.notes), 'note')}")
    return f"{path.name}: MIDI file, {', '.join(told)}"


def _changes(bars: Bars, changes: list[tuple[Beats, str]]) -> str:
    """Return a value and what it changes to: `4/4 (5/4 from bar 6 on)`."""
    (_, first), *later = changes
    steps = [(beat, value) for (_, before), (beat, value) in zip(changes, later, strict=False) if value != before]
    said = [f"{value} from {bars.position_of(beat)} on" for beat, value in steps[:MAX_CHANGES]]
    said += [f"{len(steps) - MAX_CHANGES} changes more"] if len(steps) > MAX_CHANGES else []
    return f"{first} ({', '.join(said)})" if said else first


def _score_tables(score: "Score") -> "list[Table | str]":
    from rich.markup import escape

    table, bars = _table("track", "name", "notes", "bars"), score.bars()
    for number, track in enumerate(score.tracks, 1):
        if track.notes:
            table.add_row(str(number), escape(track.name), str(len(track.notes)), _positions(bars, *_span(track)))
    return [table if any(track.notes for track in score.tracks) else "It holds no notes."]


def _span(track: "ScoreTrack") -> tuple[Beats, Beats]:
    """Return where the first note begins and the last one."""
    return track.notes[0].start, track.notes[-1].start


def _score_json(score: "Score") -> dict[str, Any]:
    return {
        "tempo_bpm": float(typed_tempo(score.tempos[0].tempo_bpm)) if score.tempos else None,
        "time_signature": str(score.meters[0].meter) if score.meters else None,
        "tracks": [
            {
                "number": number,
                "name": track.name,
                "notes": len(track.notes),
                "from_beat": float(_span(track)[0]) if track.notes else None,
                "to_beat": float(_span(track)[1]) if track.notes else None,
            }
            for number, track in enumerate(score.tracks, 1)
        ],
    }
