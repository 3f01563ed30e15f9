"""The chords of a request: typed, or those that a clip plays, as text that fits the loop."""

from engine.errors import BadRequestError
from engine.request import MAX_BARS, LoopRequest
from midi.chords.clip import chords_of
from midi.chords.text import Progression, parse_chords, written
from midi.errors import MidiError
from midi.files.file_part import split_file_part
from midi.key import Key
from midi.live.note_file import holds_notes, naming, read_notes
from midi.notes import Note

from .fields import BY_NAME, Frontend
from .layers import NONE
from .sent import Chunks, sounding
from .targets import Say

ANY_KEY = Key.parse("C major")  # numerals have as many bars in every key
SETTING = "chords"  # also the name under which a clip's notes are sent


def read_chords(
    text: str, chunks: Chunks, loop: LoopRequest, frontend: Frontend, say: Say, *, inherited: bool = False
) -> str:
    """Return the chords that settings or a sent clip ask for, empty where nothing does; `loop` has its key.

    `say` gets a sentence on a clip's chords, and on chords that are repeated or cut. Chords that were `inherited` fit
    any loop; others are refused where their bars do not fill it. `none` leaves out those of a take. Raises
    `BadRequestError` for chords that are asked for twice, and `MidiError` for chords or a file that cannot be read.
    """
    if _is_none(text):
        text = ""
    called, sent = BY_NAME[SETTING].called(frontend), chunks.get(("notes", SETTING))
    if sent is not None:
        if text and not inherited:
            raise BadRequestError(f"{called} is asked for twice, as a clip and as {text[:40]!r}.")
        return _played(sounding(sent, loop.beats, SETTING, say), "the clip", loop, say)
    if not text:
        return ""
    path, _ = split_file_part(text)
    if holds_notes(path):
        found = read_notes(text, loop.beats, loop.meter)
        for remark in found.remarks:
            say(remark)
        with naming(path):
            return _played(found.notes, path.name, loop, say)
    return _typed(" ".join(text.split()), loop, frontend, say, inherited=inherited)


def bars_that_fit(text: str, bars: int, say: Say) -> int:
    """Return `bars`, which nobody asked for, or where typed chords do not fill those evenly as many as they have."""
    if not text or _is_none(text) or holds_notes(split_file_part(text)[0]):
        return bars
    chords = parse_chords(text, ANY_KEY)
    count = len(chords.bars)
    if not chords.barred or bars % count == 0 or count > MAX_BARS:
        return bars
    say(f"The chords have {count} bars, and so has the loop.")
    return count


def _is_none(text: str) -> bool:
    return text.strip().lower() == NONE


def _played(notes: tuple[Note, ...], name: str, loop: LoopRequest, say: Say) -> str:
    bar = loop.meter.beats_per_bar
    text = written(chords_of(notes, loop.beats, loop.meter), loop.bars, bar, _key(loop))
    say(f"The chords of {name}: {text.removesuffix(' |')}.")
    return text


def _key(loop: LoopRequest) -> Key | None:
    return None if loop.key is None else Key.parse(loop.key)


def _typed(text: str, loop: LoopRequest, frontend: Frontend, say: Say, *, inherited: bool) -> str:
    key = _key(loop)
    try:
        chords = parse_chords(text, key)
    except MidiError as error:
        if error.fault != "no_key":
            raise
        remedy = f"Give a key, such as {BY_NAME['key'].called(frontend)} {BY_NAME['key'].example}, or write letters."
        raise MidiError(error.fault, error.sentence, remedy) from error
    fitted = _fitted(chords, loop.bars, say, inherited=inherited)
    if key is not None and not _is_letters(text):
        say(f"The chords in {key}: {fitted.named(key)}.")
    return text if fitted == chords else f"{fitted.named(key)} |"


def _is_letters(text: str) -> bool:
    """Whether the chords are letters, which are the same in every key."""
    try:
        parse_chords(text)
    except MidiError:
        return False
    return True


def _fitted(chords: Progression, bars: int, say: Say, *, inherited: bool) -> Progression:
    """Return chords that fill so many bars, or a number of times do; raises `MidiError` where they do not."""
    count = len(chords.bars)
    if not chords.barred or count == bars:
        return chords
    if count > bars:
        say(f"The chords have {count} bars; the loop has {'only the first' if bars == 1 else f'the first {bars}'}.")
        return chords.fitted(bars)
    if bars % count == 0:
        said = "once for each bar" if count == 1 else f"{bars // count} times"
        say(f"The chords have {count} bar{'s' * (count > 1)} and are played {said}.")
        return chords
    if not inherited:
        raise MidiError(
            "chord_bars",
            f"The chords have {count} bars, which a loop of {bars} bars does not hold a whole number of times.",
            f"Write as many bars as the loop has, or ask for {count} bars.",
        )
    say(f"The chords have {count} bars and begin again from bar {count + 1} on, to the loop's end.")
    return chords.fitted(bars)
