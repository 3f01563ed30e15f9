"""What a prompt wants and what it refuses: negations, "only" and lists, over segments of any of the languages."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .families import ONLY
from .language import Role
from .lexicon import SUFFIXES
from .segments import Part, Segment
from .vocabulary import GROUP_OF, INSTRUMENTS

_REFUSALS = (Role.NOT, Role.NO, Role.WITHOUT, Role.LESS)
_NORS = frozenset({"nor", "ni", "nem", "noch"})
_ARTICLES = frozenset({"a", "an", "some", "the", "un", "una", "ein", "eine", "um", "uma", "une"})
_DESCRIBING = frozenset({"mood", "timbre", "effect", "density"})
_THINGS = frozenset({"instrument", "effect"})
_MAX_STRANGERS = 3  # words that are not known, between a refusal and what it refuses
_MUCH = frozenset(
    {
        "too",
        "much",
        "so",
        "zu",
        "trop",
        "demasiado",
        "demasiada",
        "tanto",
        "tanta",
        "muito",
        "muita",
        "あまり",
        "そんなに",
    }
)


@dataclass(slots=True)
class Wishes:
    """Segments in the order typed: wanted, refused, not asked for; whether nothing else may sound."""

    wanted: list[Segment] = field(default_factory=list)
    refused: list[Segment] = field(default_factory=list)
    unasked: list[Segment] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    is_only: bool = False


def read_wishes(parts: Sequence[Part]) -> Wishes:
    """Return what the clauses of a prompt wish for."""
    wishes, reader = Wishes(), None
    before: list[Segment] = []
    for place, part in enumerate(parts):
        last = wishes.wanted[-len(before) :] if before else []
        if last and _is_bare_no(part) and place and parts[place - 1].stop in ("?", ":", "？", "："):
            del wishes.wanted[-len(before) :]
            wishes.refused += last
            before = []
            continue
        goes_on = reader is not None and _list_goes_on(reader, parts, place)
        start = len(wishes.wanted)
        reader = _Clause(part.segments, wishes, reader.refusal if goes_on and reader else None)
        reader.read()
        before = wishes.wanted[start:]
    return wishes


def _is_bare_no(part: Part) -> bool:
    said = [segment for segment in part.segments if segment.role is not Role.IGNORED]
    return len(said) == 1 and said[0].role in (Role.NO, Role.NOT, Role.AFTER_NOT)


class _Clause:
    """One clause, read from left to right; `refusal` is under way, and `fresh` until it has met its first word."""

    def __init__(self, segments: Sequence[Segment], wishes: Wishes, refusal: Role | None) -> None:
        self.segments, self.wishes, self.refusal = segments, wishes, refusal
        self.fresh = refusal is not None
        self.joined = False
        self.softened = False  # "not too much bass" is no refusal of bass
        self.strangers = 0  # between a refusal and what it refuses
        self.last: Segment | None = None
        self.refused_one = False
        self.own: list[Segment] = []  # wanted in this clause

    def read(self) -> None:
        """Take every segment to where it belongs."""
        for place, segment in enumerate(self.segments):
            role = segment.role
            if role in (Role.NO, Role.NOT) and place and place == len(self.segments) - 1:
                self._refuse_back(place)  # "drums no, pads yes"
            elif role in _REFUSALS:
                self._begin(role)
            elif role is Role.WORDS:
                self._take(place, segment)
            elif role is Role.UNKNOWN:
                self._pass_over(segment)
            else:
                self._join(place, segment)

    def _pass_over(self, segment: Segment) -> None:
        """Note what is not known; a refusal that has met nothing yet goes on: "no cheesy drums" are no drums."""
        self.wishes.unknown.append(segment.text)
        self.strangers += 1
        if not self.fresh or self.strangers > _MAX_STRANGERS:
            self.refusal = None

    def _begin(self, role: Role) -> None:
        if self.refusal is not None and self.fresh:
            return  # "without any", "not without"
        self.refusal, self.fresh, self.joined, self.softened, self.strangers = role, True, False, False, 0

    def _join(self, place: int, segment: Segment) -> None:
        if (role := segment.role) in (Role.AND, Role.OR):
            self.joined = True
        elif role is Role.TOO and self.fresh:
            self.softened = self.softened or segment.text in _MUCH
        elif role is Role.BUT and not self.fresh:
            self.refusal = None
        elif role is Role.ONLY or role is Role.AFTER_ONLY:
            self._only(place)
        elif role is Role.AFTER_NOT:
            is_last = any(one.role is Role.WORDS for one in self.segments[:place])  # not in "weg mit dem Bass"
            self._refuse_back(place) if is_last else self._begin(Role.WITHOUT)
        elif role is Role.IGNORED and segment.text in _ARTICLES and self.joined and not self.fresh:
            self.refusal = None if self.refusal is not Role.WITHOUT else self.refusal

    def _only(self, place: int) -> None:
        if self.refusal is not None and self.fresh:
            self.refusal, self.fresh = None, False  # "not only drums"
            return
        self.refusal = None
        ahead = [s for s in self.segments[place + 1 :] if s.role is Role.WORDS]
        after = self.segments[place].role is Role.AFTER_ONLY or not ahead
        scope = (self.own or self.wishes.wanted) if after else ahead  # "kick, snare, nothing else" is of all before
        named = [segment for segment in scope if _is_instrument(segment)]
        if not named:
            return
        is_some_beat = all(s.entry.is_loose for s in named) and any(s.text in _ARTICLES for s in self.segments)
        self.wishes.is_only = self.wishes.is_only or not is_some_beat  # "just a simple beat" is a whole loop

    def _take(self, place: int, segment: Segment) -> None:
        if self.refusal is not None and self._is_refused(place, segment):
            self.fresh = False
            if not _describes_next(self.segments, place, self.refusal):
                self._refuse(segment)
            else:
                self.fresh = True
        else:
            self._want(segment)
            is_solo = segment.words == ("solo",) and any(_is_instrument(s) for s in self.segments[place + 1 :])
            if is_solo or set(segment.words) & ONLY.keys():
                self.wishes.is_only = True
        self.last, self.joined = segment, False

    def _want(self, segment: Segment) -> None:
        self.wishes.wanted.append(segment)
        if _is_negative(segment):  # "no drums" is a word of its own, and "no drums or bass" goes on
            self.refusal = Role.NO if segment.text.startswith("no ") else Role.WITHOUT
            self.refused_one = True
        else:
            self.refusal = None
            self.own.append(segment)

    def _is_refused(self, place: int, segment: Segment) -> bool:
        before = self.segments[place - 1] if place and self.refused_one else None
        if self.fresh or (segment.words == ("solo",) and before is self.last and before and _is_instrument(before)):
            return True  # "no guitar solo" wants no solo
        joined = self.last if self.joined else None
        return joined is not None and _is_instrument(segment) == _is_instrument(joined)

    def _refuse(self, segment: Segment) -> None:
        is_less = self.refusal is Role.LESS or (self.softened and any(GROUP_OF[w] in _THINGS for w in segment.words))
        (self.wishes.unasked if is_less else self.wishes.refused).append(segment)
        self.refused_one = True

    def _refuse_back(self, place: int) -> None:
        """Refuse what stands right before, and what is joined to it by and, or."""
        back, segment = place - 1, None
        while back >= 0:
            segment = self.segments[back]
            if back == place - 1 and _is_particle(segment):
                back -= 1
                continue
            if segment.role is not Role.WORDS or segment not in self.own:
                return
            self.own.remove(segment)
            _remove_last(self.wishes.wanted, segment)
            self.wishes.refused.append(segment)
            is_own = self.segments[place].text in SUFFIXES  # "drums and bassless" keeps its drums
            if is_own or back < 1 or self.segments[back - 1].role not in (Role.AND, Role.OR):
                return
            back -= 2


def _is_particle(segment: Segment) -> bool:
    """Whether it may stand, in a language with particles, between a thing and the refusal behind it."""
    return not segment.text.isascii() and (segment.role is Role.IGNORED or segment.text == "も")


def _describes_next(segments: Sequence[Segment], place: int, refusal: Role | None) -> bool:
    """Whether a refused adjective belongs to a thing after it: in "no distorted guitar" it is the guitar."""
    if refusal not in (Role.NO, Role.WITHOUT) or not _describes(segments[place]):
        return False
    following = segments[place + 1] if place + 1 < len(segments) else None
    return following is not None and following.role is Role.WORDS and _is_instrument(following)


def _list_goes_on(before: _Clause, parts: Sequence[Part], place: int) -> bool:
    """Whether the clause before began a refused list that this one continues: "without drums, bass or keys"."""
    if not before.refused_one or before.own or parts[place - 1].stop not in (",", "、"):
        return False
    if before.refusal is None or any(segment.role in _REFUSALS for segment in parts[place].segments[:1]):
        return False
    for part in parts[place:]:
        roles = [Role.OR if s.text in _NORS else s.role for s in part.segments if s.role is not Role.IGNORED]
        things = [s for s in part.segments if s.role is Role.WORDS]
        if not things or not all(_is_instrument(thing) for thing in things):
            return False
        if set(roles) - {Role.WORDS, Role.AND, Role.OR} or (part.stop not in (",", "、") and len(roles) == 1):
            return False
        if Role.OR in roles or (Role.AND in roles and before.refusal is Role.WITHOUT):
            return True
    return False


def _remove_last(segments: list[Segment], segment: Segment) -> None:
    place = len(segments) - 1 - segments[::-1].index(segment)
    del segments[place]


def _is_instrument(segment: Segment) -> bool:
    return any(word.removeprefix("no ") in INSTRUMENTS or word in ONLY for word in segment.words)


def _is_negative(segment: Segment) -> bool:
    return segment.text.startswith(("no ", "without ")) and all(word.startswith("no ") for word in segment.words)


def _describes(segment: Segment) -> bool:
    return all(GROUP_OF[word] in _DESCRIBING for word in segment.words)
