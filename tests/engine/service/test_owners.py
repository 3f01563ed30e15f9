"""Owners: which connection a client has, and whether it is there."""

from engine.service.owners import LATELY_SECONDS, SILENT_SECONDS, Owners


def test_a_client_is_told_everything_once_a_connection() -> None:
    """The first time, not the second, and once more over a new connection."""
    owners = Owners()
    owners.note("me", b"one", 0.0)
    assert [owners.is_new_connection("me") for _ in range(2)] == [True, False]
    owners.note("me", b"two", 1.0)
    assert owners.identity("me") == b"two"
    assert [owners.is_new_connection("me") for _ in range(2)] == [True, False]


def test_who_is_silent_leaves_and_then_is_forgotten() -> None:
    """After some seconds a client does not count as there; much later nothing of it is in memory."""
    owners = Owners()
    owners.note("gone", b"a", 0.0)
    owners.note("there", b"b", 2 * LATELY_SECONDS)
    assert owners.lately(2 * LATELY_SECONDS) == ["there"]
    assert not owners.forget_silent(SILENT_SECONDS)
    assert list(owners.forget_silent(SILENT_SECONDS + 1)) == ["gone"]
    assert owners.identity("gone") is None
    assert owners.identity("there") == b"b"


def test_nobody_has_a_connection_after_a_new_start() -> None:
    """Clearing forgets all; an owner that nobody heard of has none."""
    owners = Owners()
    owners.note("me", b"one", 0.0)
    owners.clear()
    assert owners.identity("me") is None
    assert owners.lately(0.0) == []
