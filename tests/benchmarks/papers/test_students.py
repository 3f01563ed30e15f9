"""Students keep the defining properties of their papers."""

import pytest
import torch

from benchmarks.papers import students
from benchmarks.papers.baselines import distillation
from benchmarks.papers.baselines.distillation import FRAMES, Kind, Network
from benchmarks.rows import Rows


@pytest.fixture(scope="module")
def teacher() -> Network:
    """A teacher that has seen a little."""
    return distillation.teacher(800)


@pytest.fixture(scope="module")
def noise() -> torch.Tensor:
    """Noises of 256 toy loops."""
    return torch.randn(256, FRAMES, generator=torch.Generator().manual_seed(5))


def test_a_jump_to_its_own_time_stays(teacher: Network, noise: torch.Tensor) -> None:
    """G(x, t, t) is x, exactly, for any network: the boundary that consistency models are built on."""
    t = torch.full((256,), 0.4)
    assert torch.equal(teacher.jump(noise, t, t), noise)


def test_a_ctm_jump_composes(teacher: Network, noise: torch.Tensor) -> None:
    """A jump of a CTM student is nearly its two part jumps; those of the teacher it began as are not."""
    ctm = distillation.student(Kind.CTM, teacher, 9 * 900)
    one, middle, end = torch.ones(256), torch.full((256,), 0.5), torch.zeros(256)

    def apart(network: Network) -> float:
        parts = network.jump(network.jump(noise, one, middle), middle, end)
        return float((network.jump(noise, one, end) - parts).square().mean())

    assert apart(ctm) < 0.5 * apart(distillation.Euler(teacher))


@pytest.mark.parametrize("kind", list(Kind))
def test_one_step_of_a_student_is_nearer_to_the_teachers_chain(
    kind: Kind, teacher: Network, noise: torch.Tensor
) -> None:
    """After a short training one step of a student is nearer to 32 of the teacher than one of the teacher is."""
    euler = distillation.Euler(teacher)
    chain = distillation.sampled(Kind.JUMP, euler, noise, distillation.GRID)
    own = distillation.sampled(kind, distillation.student(kind, teacher, distillation.PASSES[kind] * 400), noise, 1)
    first = distillation.sampled(Kind.JUMP, euler, noise, 1)
    assert (own - chain).square().mean() < 0.5 * (first - chain).square().mean()


def test_only_cm_needs_fresh_noise_for_more_steps(teacher: Network, noise: torch.Tensor) -> None:
    """Two steps of CM depend on the noise that is added, those of the others on x_T alone."""
    for kind in Kind:
        one, other = (distillation.sampled(kind, teacher, noise, 2, seed) for seed in (0, 1))
        assert torch.equal(one, other) == (kind != Kind.CM)


def test_the_table_tells_the_gap(teacher: Network, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Each student has a line for each T, with the error at T less the one that was heard."""
    rows = Rows(tmp_path / "rows.json")
    rows.put("ctm/2/0", {"heard": 0.1, "error": 0.3, "seconds": 1.0})
    rows.put("quality/ctm/2", students.quality(Kind.CTM, teacher, 2))
    body = students.table(rows).body
    assert len(body) == len(Kind) * len(students.LENGTHS) + 1
    line = next(line for line in body if line[:2] == ["CTM", "2"])
    assert line[5].startswith("0.20")
