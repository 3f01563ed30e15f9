"""What the embedded model understands of a prompt, for the line under it."""

from engine.pocket.heard import MAX_NAMED, hear

from .cards import Json


def heard(prompt: str) -> Json:
    """Return the words that were understood, the settings, and what is refused, substituted or not known."""
    said = hear(prompt)
    return {
        **said.plain(),
        "unknown": [{"word": one.text, "nearest": one.nearest} for one in said.unknown[:MAX_NAMED]],
        "sentence": said.sentence,
    }
