"""One picture about a take: what was asked for, what the written file holds, and how the two met."""

from .page import write_report

__all__ = ["write_report"]
