"""Upkeep of a journal: old jobs are dropped, and jobs whose takes were lost are made again."""

from dataclasses import dataclass

from ...request import MAX_COUNT
from .journal_file import JournalFile
from .results import Results

KEEP_ANSWERED_SECONDS = 7 * 86_400.0  # long enough for a late duplicate of a commit
KEEP_UNCLAIMED_SECONDS = 30 * 86_400.0  # a client that never came back
# A wall clock may jump by years, so an engine must also have run for so long since the end.
RUN_ANSWERED_SECONDS = 86_400.0
RUN_UNCLAIMED_SECONDS = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The upkeep of one journal's file."""

    file: JournalFile
    results: Results

    def sweep(self, now: float, ran_seconds: float) -> int:
        """Drop what was answered a week ago, or lay unclaimed for a month; return how many jobs.

        `now` is the wall clock, `ran_seconds` how long an engine has run since the last sweep by a steady one.
        """
        limits = (RUN_ANSWERED_SECONDS, now, KEEP_ANSWERED_SECONDS, RUN_UNCLAIMED_SECONDS, now, KEEP_UNCLAIMED_SECONDS)
        with self.file.transaction():
            statement = "UPDATE jobs SET aged_seconds = aged_seconds + ? WHERE state IN ('answered', 'finished')"
            self.file.change(statement, (ran_seconds,))
            gone = self.file.change(
                "DELETE FROM jobs WHERE (state = 'answered' AND aged_seconds >= ? AND abs(? - ended) > ?)"
                " OR (state = 'finished' AND aged_seconds >= ? AND abs(? - ended) > ?)",
                limits,
            )
            for table in ("kept", "requests", "remarks", "unreadable"):
                self.file.change(f"DELETE FROM {table} WHERE request_id NOT IN (SELECT request_id FROM jobs)")
        return gone

    def repair(self) -> None:
        """Have a job made again whose take a power cut has lost."""
        rows = self.file.rows(
            "SELECT request_id, CAST(open_takes AS INTEGER) FROM jobs WHERE state = 'finished' AND open_takes != 0"
        )
        for request_id, open_takes in rows:
            wanted = {number for number in range(MAX_COUNT) if open_takes >> number & 1}
            if not wanted <= set(self.results.take_numbers(request_id)):
                statement = "UPDATE jobs SET state = 'queued', final = NULL, ended = NULL, open_takes = 0"
                with self.file.transaction():
                    self.file.change(f"{statement} WHERE request_id = ?", (request_id,))
