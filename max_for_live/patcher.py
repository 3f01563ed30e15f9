"""The patcher: objects and cords, built with py2max.

    live.* / umenu / textedit -> prepend KEY -> deferlow -> v8          everything the producer does
    udpreceive -> deferlow -> v8                                        what the bridge says
    v8 -> route -> the face          v8 -> udpsend          v8 -> udpreceive (its port)          v8 -> two pattr
    phasor~ -> wave~ -> *~ -> plugout~                                  a take, while Listen is on

The track's own audio passes through untouched. `live.thisdevice` wakes the script when the Live API is ready.
"""

from collections.abc import Callable, Mapping

from py2max import Patcher
from py2max.core.box import Box
from py2max.core.common import Rect as BoxRect

from . import face
from .container import DeviceType, Json, type_number
from .parameters import KEPT_DRAWING, KEPT_STATE, LAYERS, PARAMETERS, PUSH_BANKS, Parameter, defaults
from .script import device_script, display_script

DEVICE_TYPE: DeviceType = "audio_effect"
_MAX_VERSION = {"major": 9, "minor": 0, "revision": 10, "architecture": "x64", "modernui": 1}
_FONT = "Ableton Sans Medium"
_BOLD = "Ableton Sans Bold"
Outlets = tuple[str, ...]  # what each outlet sends, as Max names it
_Cord = Callable[..., None]  # from box, to box, outlet, inlet
_EPOCH = 2_082_844_800  # 1970 in Max's count from 1904: a date that never changes, so that builds are equal
_MARGIN = 20  # of the face within the patching view
_TOLD = (
    "seed", "learn", "source", "intensity", "melody_strength", "rhythm_strength", "drums", "clear", "variation",
    *(f"{part}_{layer}" for layer in LAYERS for part in ("mute", "again")),
)  # fmt: skip  # controls that the script sets or greys
_PLACED = ("display", "prompt", *(menu.key for menu in face.MENUS), "hint", *_TOLD)  # routed to the box of that name
_ROUTED = (*_PLACED, "player", "again", "awake", "ask", "askkept")
_KEPT = {"state": KEPT_STATE, "drawing": KEPT_DRAWING}
_PLAYER = ("file", "clock", "gain")
_PARAMETER_TYPE = {"float": 0, "int": 1, "enum": 2, "blob": 3}


def build() -> Patcher:
    """Return the whole patcher; `to_dict()` of it is what goes into the container."""
    patcher = _empty()
    _add_face(patcher)
    _add_logic(patcher)
    _connect(patcher)
    _describe(patcher)
    return patcher


def box_id(key: str) -> str:
    """The id of the box that a key names."""
    return f"obj-{key}"


def _empty() -> Patcher:
    patcher = Patcher(openinpresentation=1, validate_attrs=False, on_invalid="raise")
    patcher.appversion = dict(_MAX_VERSION)
    patcher.rect = BoxRect(40.0, 80.0, 1480.0, 760.0)
    patcher.openrect = [0.0, 0.0, float(face.WIDTH), float(face.HEIGHT)]
    patcher.devicewidth = float(face.WIDTH)
    patcher.default_fontname, patcher.default_fontsize = _FONT, 9.5
    patcher.description = "Controllable, seamless loops: draw the intensity, play the melody, get a bar-exact clip."
    return patcher


# ---- the face


def _add_face(patcher: Patcher) -> None:
    for number, rect in enumerate(face.DIVIDERS):
        themed = {"bgfillcolor_type": "color", **_themed(bgfillcolor="live_contrast_frame")}
        _show(patcher, f"divider-{number}", "panel", rect, 1, (), background=1, mode=0, rounded=0, border=0, **themed)
    for number, label in enumerate(face.LABELS):
        _label(patcher, f"label-{number}", label.text, label.rect, strong=label.strong, align=label.align)
    _label(patcher, "hint", "", face.HINT)
    _show(
        patcher, "prompt", "textedit", face.PROMPT, 1, ("", "int", "", ""), annotation=face.PROMPT_INFO,
        fontname=_FONT, fontsize=10.0, keymode=1, outputmode=1, tabmode=0, wordwrap=1, rounded=2.0, text="",
        parameter_enable=0, **_themed(bgcolor="live_lcd_bg", textcolor="live_lcd_title", bordercolor="live_lcd_frame"),
    )  # fmt: skip
    for menu in face.MENUS:
        _show(
            patcher, menu.key, "umenu", menu.rect, 1, ("int", "", ""), annotation=menu.info, items=[menu.first],
            fontname=_FONT, fontsize=9.5, parameter_enable=0, truncate=1, bgfillcolor_type="color",
            **_themed(bgfillcolor="live_control_bg", textcolor="live_control_fg", elementcolor="live_control_fg"),
        )  # fmt: skip
    for parameter in PARAMETERS:
        _control(patcher, parameter, face.CONTROLS[parameter.key])
    _show(
        patcher, "display", "v8ui", face.DISPLAY, 1, ("",), annotation=face.DISPLAY_INFO, border=0, embed=1,
        filename="none", parameter_enable=0, textfile=_embedded(display_script()),
    )  # fmt: skip


def _label(patcher: Patcher, key: str, text: str, rect: face.Rect, *, strong: bool = False, align: int = 0) -> None:
    font = {"fontname": _BOLD if strong else _FONT, "fontsize": 9.5 if strong else 9.0}
    _show(
        patcher, key, "live.comment", rect, 1, (), text=text, textjustification=align, **font,
        **_themed(textcolor="live_control_fg"),
    )  # fmt: skip


def _control(patcher: Patcher, parameter: Parameter, rect: face.Rect) -> None:
    outlets = {"live.dial": ("", "float"), "live.numbox": ("", "float"), "live.text": ("", "")}
    extra: dict[str, object] = {}
    if parameter.widget == "live.text":
        off, on = (parameter.label, parameter.label) if parameter.label else parameter.choices
        extra = {"text": off, "texton": on, "mode": 0 if parameter.button else 1, "outputmode": 1}  # at mouse up
    if parameter.widget == "live.tab":
        extra = {"livemode": 1, "spacing_x": 1.0, "multiline": 0, "num_lines_presentation": 1}
    if parameter.key == "generate":
        extra["fontname"], extra["fontsize"] = _BOLD, 11.0
    _show(
        patcher, parameter.key, parameter.widget, rect, 1, outlets.get(parameter.widget, ("", "", "float")),
        annotation=parameter.info, annotation_name=parameter.long_name, parameter_enable=1, varname=parameter.long_name,
        saved_attribute_attributes={"valueof": _value_of(parameter)}, **extra,
    )  # fmt: skip


def _value_of(parameter: Parameter) -> Json:
    kind = "enum" if parameter.choices else "int" if parameter.whole else "float"
    value: Json = {
        "parameter_annotation_name": parameter.long_name,
        "parameter_info": parameter.info,
        "parameter_invisible": int(parameter.kept),
        "parameter_longname": parameter.long_name,
        "parameter_mmax": float(len(parameter.choices) - 1 if parameter.choices else parameter.high),
        "parameter_modmode": int(parameter.modulation),
        "parameter_shortname": parameter.short_name,
        "parameter_type": _PARAMETER_TYPE[kind],
    }
    if parameter.choices:
        value["parameter_enum"] = list(parameter.choices)
    else:
        value |= {"parameter_mmin": float(parameter.low), "parameter_unitstyle": int(parameter.unit)}
    if not parameter.button:
        value |= {"parameter_initial": [float(parameter.initial)], "parameter_initial_enable": 1}
    return value


def _themed(**colors: str) -> Json:
    """Colours that follow Live's theme, by the names that Max gives them."""
    expressions = {name: {"expression": f"themecolor.{theme}"} for name, theme in colors.items()}
    return {"saved_attribute_attributes": expressions}


def _show(
    patcher: Patcher, key: str, maxclass: str, rect: face.Rect, inlets: int, outlets: Outlets, **attributes: object
) -> None:
    """Add a box to the face; it has the same size when patching, as `v8ui` needs for the mouse."""
    x, y, width, height = rect
    patching = BoxRect(float(x + _MARGIN), float(y + _MARGIN), float(width), float(height))
    shown = {"presentation": 1, "presentation_rect": [float(value) for value in rect], **attributes}
    _add(patcher, key, maxclass, patching, inlets, outlets, shown)


def _add(
    patcher: Patcher,
    key: str,
    maxclass: str,
    rect: BoxRect,
    inlets: int,
    outlets: Outlets,
    attributes: Mapping[str, object],
) -> None:
    typed = {"outlettype": list(outlets)} if outlets else {}
    patcher.add_box(Box(maxclass, inlets, len(outlets), box_id(key), rect, **typed, **attributes))


def _embedded(text: str) -> Json:
    return {"text": text, "filename": "none", "flags": 0, "embed": 1, "autowatch": 0}


# ---- what happens behind the face


def _add_logic(patcher: Patcher) -> None:
    place = _Places()
    keys = [row.key for row in PARAMETERS if not row.button] + [menu.key for menu in face.MENUS]
    for key in (*keys, "prompt", "kept", "keptdrawing", "check", "rate", "enabled"):
        _object(patcher, f"say-{key}", f"prepend {key}", place.next(), 1, ("",))
    for key in (*(row.key for row in PARAMETERS if row.button), "loaded", "filled"):
        _message(patcher, f"say-{key}", key, place)
    _object(patcher, "generate-order", "t b b", place.next(), 1, ("bang", "bang"))
    _object(patcher, "thisdevice", "live.thisdevice", place.next(), 1, ("bang", "int", "int"))
    _object(patcher, "awake", "delay 2000", place.next(), 2, ("bang",))
    _message(patcher, "no-script", f"set {face.HINT_WITHOUT_SCRIPT}", place)
    _object(patcher, "banks", "live.banks", place.next(), 1, ("",))
    _object(patcher, "defer", "deferlow", place.next(), 1, ("",))
    _object(patcher, "send", "udpsend 127.0.0.1 47111", place.next(), 1, ())
    _object(patcher, "receive", "udpreceive @defer 1 @quiet 1", place.next(), 1, ("",))
    script = {"filename": "none", "saved_object_attributes": {"embed": 1, "parameter_enable": 0}}
    script["textfile"] = _embedded(device_script())
    _object(patcher, "script", "v8 @embed 1", place.next(), 1, ("", "", "", ""), **script)
    _object(patcher, "keeping", f"route {' '.join(_KEPT)} check", place.next(), 4, ("", "", "", ""))
    for key, long_name in _KEPT.items():
        kept = _kept_value(key, long_name)
        _object(patcher, f"kept-{key}", f"pattr ditto_{key}", place.next(), 1, ("", "", ""), **kept)
    _add_audio(patcher, place)
    routes = ("",) * (len(_ROUTED) + 1)
    _object(patcher, "show", f"route {' '.join(_ROUTED)}", place.wide(), len(routes), routes)


def _add_audio(patcher: Patcher, place: "_Places") -> None:
    """The way through, the set's sample rate, and the player of a take: silent unless it is told a gain."""
    _object(patcher, "in", "plugin~", place.next(), 2, ("signal", "signal"))
    _object(patcher, "out", "plugout~", place.next(), 2, ("signal", "signal"))
    _object(patcher, "dsp", "dspstate~", place.next(), 1, ("int", "float", "int", "int"))
    _object(patcher, "player", f"route {' '.join(_PLAYER)}", place.next(), 4, ("", "", "", ""))
    _object(patcher, "buffer", "buffer~ ---ditto_take", place.next(), 1, ("float", "bang"))
    _object(patcher, "phase", "phasor~ 1.", place.next(), 2, ("signal",))
    _object(patcher, "wave", "wave~ ---ditto_take 0 0 2", place.next(), 3, ("signal", "signal"))
    _message(patcher, "ramp", "$1 20", place)
    _object(patcher, "line", "line~", place.next(), 2, ("signal", "bang"))
    for side in ("left", "right"):
        _object(patcher, side, "*~ 0.", place.next(), 2, ("signal",))


def _message(patcher: Patcher, key: str, text: str, place: "_Places") -> None:
    _add(patcher, key, "message", place.next(), 2, ("",), {"text": text})


class _Places:
    """Gives each logic box a place of its own below the face."""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> BoxRect:
        row, column = divmod(self.count, 7)
        self.count += 1
        return BoxRect(20.0 + 200 * column, 230.0 + 34 * row, 180.0, 20.0)

    def wide(self) -> BoxRect:
        return BoxRect(20.0, 700.0, 900.0, 20.0)


def _object(
    patcher: Patcher, key: str, text: str, rect: BoxRect, inlets: int, outlets: Outlets, **attributes: object
) -> None:
    _add(patcher, key, "newobj", rect, inlets, outlets, {"text": text, **attributes})


def _kept_value(key: str, long_name: str) -> Json:
    value = {
        "parameter_invisible": 1,
        "parameter_longname": long_name,
        "parameter_modmode": 0,
        "parameter_shortname": key.capitalize(),
        "parameter_type": _PARAMETER_TYPE["blob"],
    }
    return {
        "saved_attribute_attributes": {"valueof": value},
        "saved_object_attributes": {"parameter_enable": 1, "parameter_mappable": 0},
        "varname": f"ditto_{key}",
    }


# ---- cords


def _connect(patcher: Patcher) -> None:
    def cord(source: str, destination: str, outlet: int = 0, inlet: int = 0) -> None:
        patcher.add_patchline(box_id(source), outlet, box_id(destination), inlet)

    _connect_face(cord)
    _connect_life(cord)
    _connect_script(cord)
    _connect_audio(cord)


def _connect_face(cord: _Cord) -> None:
    cord("generate", "generate-order")
    cord("generate-order", "prompt", outlet=1)  # first what is typed, then the press
    cord("generate-order", "say-generate", outlet=0)
    for row in PARAMETERS:
        if row.key != "generate":
            cord(row.key, f"say-{row.key}")
        cord(f"say-{row.key}", "defer")
    for key in ("prompt", *(menu.key for menu in face.MENUS)):
        cord(key, f"say-{key}")
        cord(f"say-{key}", "defer")


def _connect_life(cord: _Cord) -> None:
    cord("thisdevice", "say-loaded")
    cord("thisdevice", "dsp")
    cord("thisdevice", "awake")
    cord("thisdevice", "say-enabled", outlet=1)
    cord("awake", "no-script")
    cord("no-script", "hint")
    cord("dsp", "say-rate", outlet=1)
    for key in ("loaded", "enabled", "rate"):
        cord(f"say-{key}", "defer")


def _connect_script(cord: _Cord) -> None:
    for key in ("display", "receive"):
        cord(key, "defer")
    cord("defer", "script")
    for outlet, key in enumerate(("show", "send", "receive", "keeping")):
        cord("script", key, outlet)
    for key in (*_PLACED, "player", "awake"):
        cord("show", key, outlet=_ROUTED.index(key))
    cord("show", "defer", outlet=_ROUTED.index("again"))
    for key in defaults():
        cord("show", key, outlet=_ROUTED.index("ask"))
    for outlet, (key, say) in enumerate(zip(_KEPT, ("say-kept", "say-keptdrawing"), strict=True)):
        cord("show", f"kept-{key}", outlet=_ROUTED.index("askkept"))
        cord("keeping", f"kept-{key}", outlet)
        cord(f"kept-{key}", say)
        cord(say, "defer")
    cord("keeping", "say-check", len(_KEPT))
    cord("say-check", "defer")


def _connect_audio(cord: _Cord) -> None:
    for outlet, key in enumerate(("buffer", "phase", "ramp")):
        cord("player", key, outlet)
    cord("buffer", "say-filled", outlet=1)
    cord("say-filled", "defer")
    cord("phase", "wave")
    cord("ramp", "line")
    for channel, side in enumerate(("left", "right")):
        cord("in", "out", channel, channel)
        cord("wave", side, channel)
        cord("line", side, inlet=1)
        cord(side, "out", inlet=channel)


# ---- what Live reads about the device


def _describe(patcher: Patcher) -> None:
    names: Json = {box_id(row.key): [row.long_name, row.short_name, 0] for row in PARAMETERS}
    for key, long_name in _KEPT.items():
        names[box_id(f"kept-{key}")] = [long_name, key.capitalize(), 0]
    names["parameterbanks"] = {
        str(index): {
            "index": index,
            "name": bank.name,
            "parameters": list(bank.encoders),
            "buttons": list(bank.buttons),
        }
        for index, bank in enumerate(PUSH_BANKS)
    }
    names["inherited_shortname"] = 1
    patcher.parameters = names
    patcher.latency = 0
    patcher.is_mpe = 0
    patcher.minimum_live_version = "12.2"
    patcher.minimum_max_version = "9.0"
    patcher.platform_compatibility = 0
    patcher.project = {
        "version": 1, "creationdate": _EPOCH, "modificationdate": _EPOCH, "viewrect": [0.0, 0.0, 300.0, 500.0],
        "autoorganize": 1, "hideprojectwindow": 1, "showdependencies": 1, "autolocalize": 0,
        "contents": {"patchers": {}}, "layout": {}, "searchpath": {}, "detailsvisible": 0,
        "amxdtype": type_number(DEVICE_TYPE), "readonly": 0, "devpathtype": 0, "devpath": ".", "sortmode": 0,
        "viewmode": 0, "includepackages": 0,
    }  # fmt: skip
