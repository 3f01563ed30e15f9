"""What can be wrong with a producer's files and numbers, in one sentence.

`MidiError` is the only exception that leaves this package for bad input: a wrong
type in a call is a programming error and stays a `TypeError`.
"""


class MidiError(ValueError):
    """A clip, a file or a number that cannot be used.

    `code` is a short stable name for programs, `sentence` says what and where,
    `remedy` says what to do. `str(error)` is the sentence.
    """

    def __init__(self, code: str, sentence: str, remedy: str = "") -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.remedy = remedy

    def __reduce__(self) -> tuple[type["MidiError"], tuple[str, str, str]]:
        """Keep all three fields when the error crosses a process border."""
        return type(self), (self.code, self.sentence, self.remedy)
