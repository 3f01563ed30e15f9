"""How well loops follow what is asked, and how good they are."""
