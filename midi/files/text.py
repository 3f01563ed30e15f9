"""Text as editors and shells save it: UTF-8 with or without a mark, UTF-16 and UTF-32."""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's mark, so it is asked first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of(head: bytes) -> tuple[str, int]:
    """Return the encoding that the first bytes of a text show, and how long its mark is.

    Without a mark, zeros beside a first ASCII character tell UTF-16; all else counts as UTF-8.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    first = head[:4]
    if len(first) >= 2 and first[0] == 0 and first[1] != 0:
        return "utf-16-be", 0
    if len(first) >= 2 and first[0] != 0 and first[1] == 0 and first[2:4] != b"\0\0":
        return "utf-16-le", 0
    return "utf-8", 0


def decoded(data: bytes) -> str:
    """Return a whole text without its mark; raises `UnicodeDecodeError` for bytes that are none."""
    encoding, mark = encoding_of(data)
    return data[mark:].decode(encoding)
