"""A set's text as UTF-8 that an XML parser takes, whatever single characters are wrong in it.

Max devices, plug-ins and other programs put control characters into names, and files are saved as UTF-16 by hand.
Characters that XML forbids become U+FFFD; the rest stays as it is.
"""

import codecs
import re

from ..files.text import encoding_of

_HELD_BYTES = 16  # a numeric reference may lie across two pieces; the longest one that means something is shorter
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile(r"&(?:#(?:[xX]([0-9A-Fa-f]{1,8})|([0-9]{1,9}));|(?!amp;|lt;|gt;|quot;|apos;))")
_UNKNOWN = "\ufffd"


class CleanText:
    """Takes the pieces of one text; afterwards `remarks` says how many characters were replaced."""

    def __init__(self) -> None:
        self.replaced = 0
        self._decoder: codecs.IncrementalDecoder | None = None
        self._held = ""

    def feed(self, piece: bytes) -> bytes:
        """Return the next piece as clean UTF-8; a few characters may be held back until the next one."""
        if self._decoder is None:
            encoding, mark = encoding_of(piece)
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
            piece = piece[mark:]
        return self._cleaned(self._held + self._decoder.decode(piece), last=False)

    def end(self) -> bytes:
        """Return the bytes that were held back."""
        rest = self._decoder.decode(b"", True) if self._decoder is not None else ""
        return self._cleaned(self._held + rest, last=True)

    def remarks(self, name: str) -> tuple[str, ...]:
        """Return a sentence about the characters that were replaced, none where none were."""
        if not self.replaced:
            return ()
        return (f"{name} holds {self.replaced} characters that no Live set may hold; they were replaced.",)

    def _cleaned(self, text: str, *, last: bool) -> bytes:
        self._held = ""
        if not last:
            open_reference = text.rfind("&", max(0, len(text) - _HELD_BYTES))
            if open_reference >= 0 and ";" not in text[open_reference:]:
                text, self._held = text[:open_reference], text[open_reference:]
        self.replaced += text.count(_UNKNOWN)
        text, count = _FORBIDDEN.subn(_UNKNOWN, text)
        self.replaced += count
        if "&" in text:
            text = _REFERENCE.sub(self._reference, text)
        return text.encode("utf-8", "replace")

    def _reference(self, match: re.Match[str]) -> str:
        hexadecimal, decimal = match.groups()
        if hexadecimal is None and decimal is None:  # a bare &, as in a name that was not escaped
            self.replaced += 1
            return "&amp;"
        code = int(hexadecimal, 16) if hexadecimal is not None else int(decimal)
        if code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF:
            return match.group()
        self.replaced += 1
        return _UNKNOWN
