"""Live sets out of nothing, in the shape that Live 9 to 12 write, for tests and benchmarks."""

from collections.abc import Iterable
from html import escape

BEFORE_THE_SONG = -63072000  # the time of every lane's first event

Event = tuple[float, float] | tuple[float, float, tuple[float, float, float, float]]
SetNote = tuple[int, float, float, int]
"""Pitch, time, duration, velocity."""


def events_xml(events: Iterable[Event], kind: str = "FloatEvent") -> str:
    """Return events, each `(beat, value)` or with the four handles of its segment."""
    names = ("CurveControl1X", "CurveControl1Y", "CurveControl2X", "CurveControl2Y")
    written = []
    for beat, value, *bent in events:
        handles = (f' {name}="{x}"' for handle in bent for name, x in zip(names, handle, strict=True))
        written.append(f'<{kind} Id="0" Time="{beat}" Value="{value}"{"".join(handles)} />')
    return "".join(written)


def loop_xml(start: float, end: float, *, on: bool = True, relative: float = 0.0) -> str:
    """Return a clip's loop, from beat `start` to `end`; the start marker is `relative` beats behind its start."""
    return (
        f'<Loop><LoopStart Value="{start}" /><LoopEnd Value="{end}" /><StartRelative Value="{relative}" />'
        f'<LoopOn Value="{str(on).lower()}" /><OutMarker Value="{end}" /></Loop>'
    )


def envelope_xml(
    target_id: int, events: Iterable[Event], *, kind: str = "FloatEvent", clip: bool = False, loop: str = ""
) -> str:
    """Return an arrangement lane, or a clip's envelope, which a `loop` of its own unlinks from the clip's."""
    tag = "ClipEnvelope" if clip else "AutomationEnvelope"
    slot = f"<LoopSlot><Value>{loop}</Value></LoopSlot>" if loop else "<LoopSlot><Value /></LoopSlot>" if clip else ""
    return (
        f'<{tag} Id="0"><EnvelopeTarget><PointeeId Value="{target_id}" /></EnvelopeTarget>'
        f"<Automation><Events>{events_xml(events, kind)}</Events></Automation>{slot}</{tag}>"
    )


def parameter_xml(tag: str, target_id: int, manual: str, low: float = 0.0, high: float = 1.0) -> str:
    """Return a parameter of Live's own."""
    return (
        f'<{tag}><Manual Value="{manual}" /><MidiControllerRange><Min Value="{low}" /><Max Value="{high}" />'
        f'</MidiControllerRange><AutomationTarget Id="{target_id}"><LockEnvelope Value="0" />'
        f"</AutomationTarget></{tag}>"
    )


def max_device_xml(file_name: str, parameter: str, target_id: int, low: float, high: float) -> str:
    """Return a Max for Live device with one parameter."""
    return (
        '<MxDeviceAudioEffect Id="0"><UserName Value="" /><PatchSlot><Value><MxDPatchRef Id="1"><FileRef>'
        f'<RelativePath Value="../{escape(file_name)}" /></FileRef></MxDPatchRef></Value></PatchSlot>'
        '<ParameterList><ParameterList><MxDFloatParameter Id="0">'
        f'<Name Value="{escape(parameter)}" /><MinValue Value="{low}" /><MaxValue Value="{high}" />'
        f"{parameter_xml('Timeable', target_id, str(low))}</MxDFloatParameter>"
        "</ParameterList></ParameterList></MxDeviceAudioEffect>"
    )


def midi_clip_xml(
    notes: Iterable[SetNote],
    *,
    name: str = "",
    time: float = 0.0,
    length: float = 4.0,
    loop: tuple[float, float] = (0.0, 4.0),
    envelopes: str = "",
    meter: tuple[int, int] = (4, 4),
) -> str:
    """Return a looped MIDI clip at `time` of the arrangement, with a signature of its own."""
    keys = "".join(
        f'<KeyTrack Id="0"><Notes><MidiNoteEvent Time="{start}" Duration="{duration}" Velocity="{velocity}" '
        f'OffVelocity="64" IsEnabled="true" NoteId="1" /></Notes><MidiKey Value="{pitch}" /></KeyTrack>'
        for pitch, start, duration, velocity in notes
    )
    return (
        f'<MidiClip Id="0" Time="{time}"><CurrentStart Value="{time}" />'
        f'<CurrentEnd Value="{time + length}" />'
        f'{loop_xml(*loop)}<Name Value="{escape(name)}" />'
        f'<TimeSignature><TimeSignatures><RemoteableTimeSignature Id="0"><Numerator Value="{meter[0]}" />'
        f'<Denominator Value="{meter[1]}" /><Time Value="0" /></RemoteableTimeSignature>'
        "</TimeSignatures></TimeSignature>"
        f"<Envelopes><Envelopes>{envelopes}</Envelopes></Envelopes>"
        f"<Notes><KeyTracks>{keys}</KeyTracks></Notes></MidiClip>"
    )


def track_xml(
    name: str,
    *,
    lanes: str = "",
    devices: str = "",
    session: str = "",
    arrangement: str = "",
    first_id: int = 100,
) -> str:
    """Return a MIDI track; its mixer's volume and first send have the ids `first_id` and the next."""
    slot = f'<ClipSlot Id="0"><ClipSlot><Value>{session}</Value></ClipSlot></ClipSlot>'
    return (
        f'<MidiTrack Id="1"><Name><EffectiveName Value="{escape(name)}" /><UserName Value="" /></Name>'
        f"<AutomationEnvelopes><Envelopes>{lanes}</Envelopes></AutomationEnvelopes><DeviceChain><Mixer>"
        f"{parameter_xml('Volume', first_id, '1', 0.0003162277571, 1.99526238)}"
        f'<Sends><TrackSendHolder Id="0">{parameter_xml("Send", first_id + 1, "0")}</TrackSendHolder></Sends>'
        f"</Mixer><MainSequencer><ClipSlotList>{slot}</ClipSlotList><ClipTimeable><ArrangerAutomation>"
        f"<Events>{arrangement}</Events></ArrangerAutomation></ClipTimeable></MainSequencer>"
        f"<DeviceChain><Devices>{devices}</Devices></DeviceChain></DeviceChain></MidiTrack>"
    )


def set_xml(
    tracks: str,
    *,
    tempo_bpm: float = 120.0,
    meter_value: int = 201,
    tempo_events: Iterable[Event] = (),
    meter_events: Iterable[Event] = (),
    main: str = "MainTrack",
) -> bytes:
    """Return a whole set as plain XML; 201 is Live's number for 4/4, `main` the main track's element."""
    first_tempo, first_meter = (BEFORE_THE_SONG, tempo_bpm), (BEFORE_THE_SONG, meter_value)
    lanes = envelope_xml(10, [first_meter, *meter_events], kind="EnumEvent")
    lanes += envelope_xml(8, [first_tempo, *tempo_events])
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Ableton MajorVersion="5" MinorVersion="12.0_12049" '
        f'Creator="Ableton Live 12.0.15"><LiveSet><Tracks>{tracks}</Tracks><{main}>'
        '<Name><EffectiveName Value="Main" /></Name>'
        f"<AutomationEnvelopes><Envelopes>{lanes}</Envelopes></AutomationEnvelopes><DeviceChain><Mixer>"
        f"{parameter_xml('Tempo', 8, str(tempo_bpm), 60, 200)}"
        f"{parameter_xml('TimeSignature', 10, str(meter_value))}"
        f"</Mixer></DeviceChain></{main}></LiveSet></Ableton>\n"
    ).encode()
