"""One picture about a take: what was asked for, what the written file holds, and how the two met; `page` draws it."""

from .matplotlib_folder import name_folder

name_folder()
