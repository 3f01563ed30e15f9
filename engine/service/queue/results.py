"""Results that are large and can be made again: takes, saved states, previews; in a file of their own."""

import structlog

from ...errors import BadRequestError
from ...events import Preview, Stems, Take
from .. import wire
from .journal_file import JournalFile

log = structlog.get_logger("ditto.journal")

_SAVED, _PREVIEW, _TAKE, _STEMS = "saved", "preview", "take", "stems"


class Results:
    """The results of a journal's jobs. Reading raises `BadRequestError` for bytes that are none of our types."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file

    def save(self, request_id: str, state: bytes) -> None:
        """Keep the optimiser's state for a resumption."""
        with self._file.transaction():
            self._keep(request_id, _SAVED, 0, state)

    def saved_state(self, request_id: str) -> bytes | None:
        """Return the optimiser's last saved state."""
        return self._kept(request_id, _SAVED)

    def has_saved_state(self, request_id: str) -> bool:
        """Return whether a job could be resumed."""
        statement = "SELECT 1 FROM kept WHERE request_id = ? AND kind = ?"
        return self._file.row(statement, (request_id, _SAVED)) is not None

    def keep_preview(self, preview: Preview) -> None:
        """Keep an early listen until the job has an end."""
        with self._file.transaction():
            self._keep(preview.request_id, _PREVIEW, 0, wire.encode(preview))

    def last_preview(self, request_id: str) -> Preview | None:
        """Return the last early listen: the best take of a job that will never end."""
        data = self._kept(request_id, _PREVIEW)
        return None if data is None else wire.decode(data, Preview)

    def add_take(self, take: Take) -> None:
        """Keep a finished take until it is acknowledged."""
        with self._file.transaction():
            self._keep(take.request_id, _TAKE, take.take, wire.encode(take))
            statement = "UPDATE jobs SET open_takes = open_takes | ? WHERE request_id = ?"
            self._file.change(statement, (1 << take.take, take.request_id))

    def take_numbers(self, request_id: str) -> list[int]:
        """Return which takes are there and not acknowledged yet."""
        statement = "SELECT number FROM kept WHERE request_id = ? AND kind = 'take' ORDER BY number"
        return [number for (number,) in self._file.rows(statement, (request_id,))]

    def take(self, request_id: str, number: int) -> Take | None:
        """Return a take that is not acknowledged yet."""
        data = self._kept(request_id, _TAKE, number)
        return None if data is None else wire.decode(data, Take)

    def add_stems(self, stems: Stems) -> None:
        """Keep the stems of a take until that is acknowledged."""
        with self._file.transaction():
            self._keep(stems.request_id, _STEMS, stems.take, wire.encode(stems))

    def stems(self, request_id: str, number: int) -> Stems | None:
        """Return the stems of a take that is not acknowledged yet; None without any that can be read."""
        data = self._kept(request_id, _STEMS, number)
        try:
            return None if data is None else wire.decode(data, Stems)
        except BadRequestError as error:  # the take is whole without them
            log.error("stems.unreadable", request_id=request_id, take=number, error=error.sentence)
            return None

    def acknowledge_take(self, request_id: str, take: int) -> None:
        """Drop a take and its stems, which are safe at the client's side."""
        with self._file.transaction():
            statement = "UPDATE jobs SET open_takes = open_takes & ~? WHERE request_id = ?"
            self._file.change(statement, (1 << take, request_id))
            statement = "DELETE FROM kept WHERE request_id = ? AND kind IN ('take', 'stems') AND number = ?"
            self._file.change(statement, (request_id, take))

    def set_aside_take(self, request_id: str, number: int) -> None:
        """Have a take that cannot be read or sent lie there, out of the way."""
        with self._file.transaction():
            statement = (
                "UPDATE OR REPLACE kept SET kind = 'unreadable' WHERE request_id = ? AND kind = 'take' AND number = ?"
            )
            self._file.change(statement, (request_id, number))
            statement = "UPDATE jobs SET open_takes = open_takes & ~? WHERE request_id = ?"
            self._file.change(statement, (1 << number, request_id))

    def _keep(self, request_id: str, kind: str, number: int, data: bytes) -> None:
        self._file.change("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", (request_id, kind, number, data))

    def _kept(self, request_id: str, kind: str, number: int = 0) -> bytes | None:
        statement = "SELECT data FROM kept WHERE request_id = ? AND kind = ? AND number = ?"
        row = self._file.row(statement, (request_id, kind, number))
        return None if row is None else row[0]
