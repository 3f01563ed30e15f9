"""Names of tracks, clips and files: read in the encoding that they were written in, compared, shown.

Two names are one where a person sees no difference: composed or decomposed, in capitals or not, with
outer or doubled spaces. Names are shown without characters that a terminal obeys.
"""

import re
import unicodedata

MAX_NAME_CHARACTERS = 200
_KANA = re.compile(r"[\u3041-\u30ff]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LETTERS = re.compile(r"[A-Za-z]")


def nfc(text: str) -> str:
    """Return the text composed, as most programs write it."""
    return unicodedata.normalize("NFC", text)


def name_key(text: str) -> str:
    """Return the form of a name in which equal names are the same text."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
    return " ".join(folded.split())


def printable(text: str) -> str:
    """Return the text without characters that a terminal obeys: controls become U+FFFD, marks of direction go.

    Line feeds and tabs become blanks; a lone surrogate, which no console can write, becomes U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def whole_letters(text: str) -> str:
    """Return the text with halves of letters joined, and a half alone, which no file can hold, as U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def shown(name: str) -> str:
    """Return a name as it is listed and found: composed, without characters that a terminal obeys."""
    return printable(nfc(name))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) == "Cf" else "\ufffd"  # marks of direction are not seen


def decoded_name(data: bytes) -> str:
    """Return a name out of a MIDI file, which does not tell its encoding; never fails.

    UTF-16 shows its mark or its zeros, UTF-8 its form. Any other is Shift-JIS where that gives Japanese,
    else Latin-1 with the signs that Windows adds to it.
    """
    text = _utf16(data)
    if text is None:
        text = _utf8(data.rstrip(b"\0"))
    if text is None:
        text = _japanese(data) or _western(data)
    return nfc(printable(text)).replace("\ufffd", "").strip()[:MAX_NAME_CHARACTERS]


def _utf16(data: bytes) -> str | None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[2 : 2 + (len(data) - 2) // 2 * 2].decode(encoding, "replace").rstrip("\0")
    even, odd = data[::2], data[1::2]
    if len(data) >= 4 and len(odd) == len(even):
        if odd.count(0) > len(odd) / 2 > even.count(0) * 2:
            return data.decode("utf-16-le", "replace").rstrip("\0")
        if even.count(0) > len(even) / 2 > odd.count(0) * 2:
            return data.decode("utf-16-be", "replace").rstrip("\0")
    return None


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _japanese(data: bytes) -> str | None:
    """Return Shift-JIS text that is Japanese beyond doubt, else None: most Western names are valid, too."""
    try:
        text = data.rstrip(b"\0").decode("cp932")
    except UnicodeDecodeError:
        return None
    kana, han = len(_KANA.findall(text)), len(_HAN.findall(text))
    if kana or (han >= 2 and han >= len(_LETTERS.findall(text))):
        return text
    return None


def _western(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")
