"""The names that a set shows: of tracks, clips, devices and the parameters that tell their own."""

from collections.abc import Callable

from .parts import MAX_NAME_CHARACTERS, OpenDevice, OpenSet

_Attributes = dict[str, str]


class NameReader:
    """Names the elements that are open in `open_set`; a device is named by its user, its file or its plug-in."""

    def __init__(self, open_set: OpenSet) -> None:
        self._open = open_set

    def starts(self) -> dict[str, Callable[[str, _Attributes], None]]:
        """Return the handlers of elements' starts by tag; each is called with the parent's tag and the attributes."""
        tags = ("EffectiveName", "UserName", "Name", "PlugName", "ParameterName", "RelativePath", "Path")
        return dict.fromkeys(tags, self._take_name)

    def _take_name(self, parent: str, attributes: _Attributes) -> None:
        value = attributes.get("Value", "")[:MAX_NAME_CHARACTERS]
        tag, depth = self._open.stack[-1], len(self._open.stack)
        if self._open.named is not None:
            if depth == self._open.named.depth + 1 and tag in ("Name", "ParameterName"):
                self._open.named.name = value
        elif self._open.devices:
            self._name_device(self._open.devices[-1], tag, parent, value)
        elif self._open.clip is not None:
            if tag == "Name" and depth == self._open.clip.depth + 1:
                self._open.clip.name = value
        elif self._open.track is not None and parent == "Name" and depth == self._open.track.depth + 2:
            if tag == "UserName":
                self._open.track.user_name = value
            elif tag == "EffectiveName":
                self._open.track.effective_name = value

    def _name_device(self, device: OpenDevice, tag: str, parent: str, value: str) -> None:
        if tag == "UserName" and len(self._open.stack) == device.depth + 1:
            device.user_name = value
        elif tag == "PlugName" or (tag == "Name" and parent in ("Vst3PluginInfo", "AuPluginInfo")):
            device.given_name = value
        elif parent == "FileRef" and "MxDPatchRef" in self._open.stack[device.depth :]:
            file_name = value.replace("\\", "/").rsplit("/", 1)[-1]
            if file_name.lower().endswith(".amxd"):
                device.given_name = file_name[: -len(".amxd")]
