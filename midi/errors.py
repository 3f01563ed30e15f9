"""The errors of the product: one tree, whose root lies here because every layer may import this one.

    DittoError
      BadInputError     a file, a text or a number that the producer gave cannot be used
        MidiError       the same, raised by this package
      ...               errors that only the engine raises: `engine.errors`

Every error says in one sentence what is wrong, where, and what is allowed; `remedy` says what to do. A wrong type in a
call is a programming error and stays a `TypeError`.
"""


class DittoError(Exception):
    """The root: `code` is stable and for programs, `sentence` (also `str(error)`) and `remedy` are for people."""

    code = "error"
    remedy = ""

    def __init__(self, sentence: str, *, remedy: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if remedy is not None:
            self.remedy = remedy


class BadInputError(DittoError):
    """A file, a text or a number that the producer gave cannot be used."""

    code = "bad_input"
    remedy = "Choose another file, or mend this one."


class MidiError(BadInputError):
    """A clip, a file or a number that cannot be used; `fault` is a short stable name of what is wrong with it."""

    def __init__(self, fault: str, sentence: str, remedy: str = "") -> None:
        super().__init__(sentence, remedy=remedy)
        self.fault = fault

    def __reduce__(self) -> tuple[type["MidiError"], tuple[str, str, str]]:
        """Keep all three fields when the error crosses a process border."""
        return type(self), (self.fault, self.sentence, self.remedy)
