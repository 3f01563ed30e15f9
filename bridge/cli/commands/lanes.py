"""`ditto-live lanes SET.als`: what a Live set holds that can steer a loop."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from midi.curves.automation import sample
from midi.live.set import Lane, LiveClip, LiveSet, lane_curve, read_set
from midi.tempo import Beats, exact

from ..guard import say

BARS = "▁▂▃▄▅▆▇█"
CURVE_COLUMNS = 24
WIDE_COLUMNS = 110  # a narrower terminal gets the name and the curve only
PIPE_COLUMNS = 200  # where there is no terminal to fit into


def lanes(
    live_set: Annotated[Path, typer.Argument(metavar="SET.als", help="A saved Live set.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show the automation lanes of a Live set, as names for --intensity "SET.als#Track/Device/Parameter"."""
    found = read_set(live_set)
    say(*found.remarks)
    if as_json:
        _print_json(found)
    else:
        _print_table(live_set, found)


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


def _print_table(path: Path, live_set: LiveSet) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS, highlight=False)
    console.print(_headline(path, live_set), markup=False)
    wide = console.width >= WIDE_COLUMNS
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("lane", overflow="fold")  # whole, as it is there to be copied
    for title in ("curve", "beats", "range", "events") if wide else ("curve", "beats"):
        table.add_column(title, no_wrap=True)
    for lane in live_set.lanes:
        start, end = drawn_range(lane)
        low, high = lane.range
        columns = [sparkline(lane, CURVE_COLUMNS if wide else CURVE_COLUMNS // 2)]
        columns.append(f"{float(start):.4g} to {float(end):.4g}")
        if wide:
            columns += [f"{low:.4g} to {high:.4g}", str(len(lane.times))]
        table.add_row(escape(lane.path), *columns)
    console.print(table if live_set.lanes else "It holds no automation.")


def _headline(path: Path, live_set: LiveSet) -> str:
    clips = [clip for track in live_set.tracks for clip in track.clips]
    notes = sum(len(clip.note_data) for clip in clips)
    return (
        f"{path.name}: {live_set.creator}, {float(live_set.tempo_bpm):g} BPM, {live_set.meter}, "
        f"{len(live_set.tracks)} tracks, {len(clips)} clips with {notes} notes, {len(live_set.lanes)} lanes"
    )


def _print_json(live_set: LiveSet) -> None:
    sys.stdout.write(json.dumps(_as_json(live_set)) + "\n")  # plain ASCII, which every pipe can carry


def _as_json(live_set: LiveSet) -> dict[str, Any]:
    """Return what the table shows and more; beats and values are numbers."""
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
