"""One picture about a take: what was asked for, what the written file holds, and how the two met; `page` draws it."""
