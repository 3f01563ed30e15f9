"""The asset pack: only what the ledger covers, the right pitch, and cheap to send to a worker."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.training.synth.assets import _INSTRUMENTS, _POOLS, Assets, note_in_name
from engine.training.synth.ledger import LEDGER, LICENCES, source_of
from engine.training.synth.recipe_sampling import sample_recipe
from engine.training.synth.render import render


def _write(folder: Path, name: str, hz: float = 440.0, sample_rate: int = 44100) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.5 * np.sin(2 * np.pi * hz / sample_rate * np.arange(sample_rate // 2))
    soundfile.write(path, np.concatenate([np.zeros(500), tone]), sample_rate)


def test_every_licence_allows_training() -> None:
    """Each row has a licence of the allowed set, a commit and somebody to credit."""
    for source in LEDGER:
        assert source.licence in LICENCES
        assert source.credit
        assert len(source.commit) >= 7


def test_every_pool_and_instrument_is_in_the_ledger() -> None:
    """No pattern of the loader points outside what the ledger covers."""
    for pattern in (pattern for patterns in _POOLS.values() for pattern in patterns):
        assert source_of(pattern) is not None, pattern
    for folder, files, _ in _INSTRUMENTS.values():
        assert source_of(f"{folder}/{files}") is not None, folder


def test_a_file_without_an_entry_cannot_load(tmp_path: Path) -> None:
    """An unlisted sample is refused by name, wherever it lies."""
    _write(tmp_path, "one-shots/found/kick.flac")
    with pytest.raises(PermissionError, match=r"one-shots/found/kick\.flac"):
        Assets(tmp_path).sound("one-shots/found/kick.flac")
    assert source_of("keys/CP80-copy/x.flac") is None


def test_another_sample_rate_is_refused(tmp_path: Path) -> None:
    """A file at 48 kHz would play out of tune, so it is an error."""
    _write(tmp_path, "one-shots/libre/kicks/a.flac", sample_rate=48000)
    with pytest.raises(ValueError, match="48000"):
        Assets(tmp_path).sound("one-shots/libre/kicks/a.flac")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The error says which folder."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Assets(tmp_path / "nowhere")


def test_an_empty_pack_falls_back_to_synthesis(tmp_path: Path) -> None:
    """With nothing in the folder a loop is the one without assets."""
    recipe = sample_recipe(1)
    np.testing.assert_allclose(render(recipe, Assets(tmp_path)).audio, render(recipe).audio, atol=1e-5)


def test_notes_are_found_and_transposed(tmp_path: Path) -> None:
    """The nearest recorded note comes with the speed that tunes it; silence before it is cut."""
    _write(tmp_path, "keys/upright-piano/A4vH.flac", 440.0)
    found = Assets(tmp_path).note("upright-piano", 72)
    assert found is not None
    sound, ratio = found
    assert ratio == pytest.approx(2 ** (3 / 12))
    assert np.abs(sound[:, :40]).max() > 0.02
    assert Assets(tmp_path).note("CP80", 60) is None


@pytest.mark.parametrize(
    ("stem", "pitch"),
    [("A0vH", 21), ("F_3vH", 54), ("060-C4-F", 60), ("027-D_1-F", 27), ("29_F1_FF", 29), ("37_Cs2_FF", 37),
     ("ab2_f_rr1", 44), ("gb0_f_rr1", 18), ("eb3pp", 51), ("00_c2_finger_long_neck", 36), ("C7L", 96)],
)  # fmt: skip
def test_the_note_is_read_from_the_name(stem: str, pitch: int) -> None:
    """Each maker's way to write a note is understood; C4 is 60."""
    assert note_in_name(stem) == pitch


def test_held_out_kits_use_other_files(tmp_path: Path) -> None:
    """With ten or more files in a pool, training and held-out kits share none."""
    for number in range(20):
        _write(tmp_path, f"one-shots/libre/kicks/k{number:02}.flac", 50.0 + 10.0 * number)
    assets = Assets(tmp_path)
    choices = np.linspace(0.0, 0.999, 60)
    trained = {assets.one_shot("kick", choice, False).tobytes() for choice in choices}
    held_out = {assets.one_shot("kick", choice, True).tobytes() for choice in choices}
    assert len(trained) == 18
    assert len(held_out) == 2
    assert not trained & held_out


def test_a_pack_travels_as_its_folder(tmp_path: Path) -> None:
    """A pickled pack holds no audio, so that it is cheap to send to a worker."""
    _write(tmp_path, "one-shots/libre/kicks/a.flac")
    assets = Assets(tmp_path)
    assets.sound("one-shots/libre/kicks/a.flac")
    assert len(pickle.dumps(assets)) < 1000
    assert pickle.loads(pickle.dumps(assets)).folder == tmp_path


def test_the_real_pack_is_complete_and_licensed(shared: Path) -> None:
    """Every pool has files, every instrument notes, and every file used passes the ledger."""
    folder = shared / "assets"
    if not folder.is_dir():
        pytest.skip("the asset pack is not beside the repository")
    assets = Assets(folder)
    for pool in _POOLS:
        assert assets.one_shot(pool, 0.5, False) is not None, pool
    for instrument in _INSTRUMENTS:
        assert assets.note(instrument, 48) is not None, instrument
    for seed in range(12):
        audio = render(sample_recipe(seed), assets).audio
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() > 0.005
