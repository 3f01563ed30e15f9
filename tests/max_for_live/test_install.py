"""`install-device`: into the User Library of macOS and Windows, or a folder, as often as one likes."""

import pytest

from engine.errors import BadInputError
from max_for_live.errors import InstallError
from max_for_live.install import COMMITTED, install, user_libraries

INSIDE = "Presets/Audio Effects/Max Audio Effect/Ditto Live/Ditto Live.amxd"


@pytest.mark.parametrize(
    ("platform", "library"),
    [
        ("darwin", "Music/Ableton/User Library"),
        ("win32", "Documents/Ableton/User Library"),
        ("win32", "OneDrive - Studio/Documents/Ableton/User Library"),
    ],
)
def test_it_finds_the_user_library(tmp_path, platform, library):
    """The device is copied whole to where Live's browser shows Max audio effects."""
    (tmp_path / library).mkdir(parents=True)
    done = install(home=tmp_path, platform=platform)
    assert done.path == tmp_path / library / INSIDE
    assert done.changed
    assert done.path.read_bytes() == COMMITTED.read_bytes()
    assert [path.name for path in done.path.parent.iterdir()] == ["Ditto Live.amxd"]


def test_twice_is_the_same_as_once(tmp_path):
    """The second time nothing is written; an older device is replaced."""
    first = install(tmp_path)
    again = install(tmp_path)
    assert (first.changed, again.changed) == (True, False)
    first.path.write_bytes(b"an older device")
    assert install(tmp_path).changed
    assert first.path.read_bytes() == COMMITTED.read_bytes()


def test_a_user_library_elsewhere_is_taken(tmp_path):
    """A folder that is a User Library gets the device in its usual place inside, any other beside its files."""
    library = tmp_path / "音楽" / "User Library"
    library.mkdir(parents=True)
    assert install(library).path == library / INSIDE
    assert install(tmp_path).path == tmp_path / "Ditto Live" / "Ditto Live.amxd"


def test_what_is_missing_is_said(tmp_path):
    """No User Library, no such folder, no right to write: one sentence and what to do."""
    assert user_libraries(tmp_path, "linux") == ()
    with pytest.raises(InstallError, match="No User Library") as refused:
        install(home=tmp_path, platform="darwin")
    assert "install-device FOLDER" in refused.value.remedy
    with pytest.raises(BadInputError, match="is not a folder"):
        install(tmp_path / "gone")
    (tmp_path / "Ditto Live").write_text("a file where the folder should be")
    with pytest.raises(InstallError, match="cannot be written"):
        install(tmp_path)
