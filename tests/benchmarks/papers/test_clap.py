"""CLAP's figures come from any folder that holds such a model."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.papers import clap
from benchmarks.rows import Rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny CLAP with random weights, saved as transformers saves one."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    place = tmp_path_factory.mktemp("clap")
    known = ["<s>", "<pad>", "</s>", "<unk>", "house", "drums", "calm", "piano"]
    plain = Tokenizer(models.WordLevel({word: number for number, word in enumerate(known)}, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    plain.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        model_max_length=32,
    )  # fmt: skip
    config = transformers.ClapConfig(
        text_config={"vocab_size": len(known), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
                     "intermediate_size": 16, "max_position_embeddings": 40, "projection_dim": 16},
        audio_config={"patch_embeds_hidden_size": 16, "depths": [1, 1], "num_attention_heads": [1, 2],
                      "hidden_size": 32, "projection_dim": 16, "num_hidden_layers": 2},
        projection_dim=16,
    )  # fmt: skip
    transformers.ClapModel(config).save_pretrained(place)
    heard = transformers.ClapFeatureExtractor(truncation="rand_trunc", padding="repeatpad")
    transformers.ClapProcessor(feature_extractor=heard, tokenizer=tokenizer).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def loops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four loops, two of them with a sidecar."""
    place, draws = tmp_path_factory.mktemp("loops"), np.random.default_rng(0)
    for number in range(4):
        soundfile.write(place / f"{number}.wav", 0.1 * draws.standard_normal((22_050, 2)), 44_100)
    for number in range(2):
        sidecar = {"request": {"prompt": "house drums"}}
        (place / f"{number}.json").write_text(json.dumps(sidecar), encoding="utf-8")
    return place


def test_a_folder_of_loops_is_scored_by_a_clap_of_another_folder(folder: Path, loops: Path, tmp_path: Path) -> None:
    """Vectors are of unit length; loops are at no distance from themselves, and texts are those of the sidecars."""
    model = clap.Clap(folder)
    vectors = model.embed_audio([clap.sound_of(file) for file in sorted(loops.glob("*.wav"))])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    kept = tmp_path / "statistics.npz"
    np.savez(kept, mean=vectors.mean(0), covariance=np.cov(vectors, rowvar=False))
    row = clap.measured(model, loops, loops, kept)
    assert row["loops"] == 4
    assert abs(row["fad"]) < 1e-3
    assert row["fad_folder"] < 1e-6
    assert -1 <= row["clap"] <= 1
    rows = Rows(tmp_path / "rows.json")
    rows.put("loops", row)
    assert clap.table(rows).body[0][5].endswith("<small>0.433</small>")


def test_a_folder_without_a_model_is_told_what_belongs_there(tmp_path: Path) -> None:
    """A wrong folder of weights or of loops ends in one sentence."""
    pytest.importorskip("transformers")
    with pytest.raises(SystemExit, match="no CLAP model"):
        clap.Clap(tmp_path)
    with pytest.raises(SystemExit, match="no WAV"):
        clap._sounds(tmp_path)


def test_a_gaussian_is_far_from_one_that_is_moved() -> None:
    """The distance to statistics is the square of how far means are apart where covariances are the same."""
    draws = np.random.default_rng(0).standard_normal((500, 3))
    covariance = np.cov(draws, rowvar=False)
    assert clap.frechet_to(draws, draws.mean(0) + np.array([3.0, 0.0, 0.0]), covariance) == pytest.approx(9, abs=1e-3)
