"""The work of a bridge's file threads: they read the files that requests name, and write and find takes.

Each call returns an iterator of the session's, whose code runs when the event loop goes through it.
"""

import time
from collections.abc import Iterable
from pathlib import Path

import structlog

from engine.errors import BadInputError, DittoError
from engine.settings import Settings

from ..requests.fields import Frontend
from ..requests.reader import read_request
from ..requests.saved_lane import NO_STAMP, check_lane
from ..session.effects import CheckLane, DropPreviews, Effect, Favourite, FindTakes, Prepare, WritePreview, WriteTake
from ..session.session import Session
from . import delivery
from . import library as takes

log = structlog.get_logger("ditto.bridge")


class FileWork:
    """Effects that need the disk. Methods run on any thread, one call at a time for each effect."""

    def __init__(self, settings: Settings, session: Session) -> None:
        self._settings, self._session = settings, session

    @property
    def previews(self) -> Path:
        """Where early listens lie while a request is made."""
        return self._settings.home / "previews"

    def do(self, effect: Effect) -> Iterable[Effect]:
        """Do one effect and return the effects with which the session answers it."""
        match effect:
            case Prepare():
                return self.prepare(effect)
            case FindTakes():
                return self._find_takes(effect)
            case WriteTake():
                return self._write_take(effect)
            case WritePreview():
                return self._write_preview(effect)
            case DropPreviews():
                delivery.drop_previews(self.previews, effect.request_id)
            case CheckLane():
                return self._session.lane_seen(effect, *check_lane(effect))
            case Favourite():
                self._mark(effect)
        return ()

    def failed(self, effect: Effect, error: DittoError) -> Iterable[Effect]:
        """Return the effects with which the session answers an effect that could not be done."""
        now = time.monotonic()
        match effect:
            case Prepare():
                return self._session.refused(effect.request_id, error, now)
            case WriteTake():
                return self._session.not_written(effect.take.request_id, effect.take.take, error, now)
            case FindTakes():
                return self._session.found(effect.request_id, [], now)
            case CheckLane():
                return self._session.lane_seen(effect, NO_STAMP, error)
            case Favourite():
                return self._session.not_marked(effect.nonce, error)
        return ()

    def prepare(self, effect: Prepare) -> Iterable[Effect]:
        """Read a request from its pieces, and return the effects with which the session answers it."""
        try:
            made = read_request(
                effect.assembly.settings,
                effect.assembly.rows,
                frontend=Frontend.OSC,
                takes=self._settings.takes,
                request_id=effect.request_id,
                instance=effect.instance,
            )
        except DittoError as error:
            return self.failed(effect, error)
        return self._session.prepared(effect.request_id, made.request, made.priority, made.remarks, time.monotonic())

    def _write_take(self, effect: WriteTake) -> Iterable[Effect]:
        try:
            made = delivery.write_take(
                self._settings.takes,
                effect.request,
                effect.take,
                effect.stems,
                may_exist=effect.may_exist,
                remarks=effect.remarks,
            )
        except DittoError as error:
            return self.failed(effect, error)
        return self._session.written(effect.request.request_id, made, time.monotonic())

    def _write_preview(self, effect: WritePreview) -> Iterable[Effect]:
        try:
            path = delivery.write_preview(self.previews, effect.request, effect.preview)
        except DittoError as error:  # a preview less; the take will say what is wrong with the disk
            log.warning("bridge.no_preview", error=error.sentence)
            return ()
        return self._session.previewed(effect.preview, str(path))

    def _find_takes(self, effect: FindTakes) -> Iterable[Effect]:
        found = delivery.find_delivered(self._settings.takes, effect.request_id)
        return self._session.found(effect.request_id, found, time.monotonic())

    def _mark(self, effect: Favourite) -> None:
        try:
            take = takes.find(self._settings.takes, effect.take_id)
        except BadInputError as error:
            sentence = f"There is no take {effect.take_id}."
            remedy = "It was removed, or DITTO_TAKES names another folder than before."
            raise BadInputError(sentence, remedy=remedy) from error
        takes.set_favourite(take.wav, effect.on)
