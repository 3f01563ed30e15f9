"""How many latent frames a loop of `pocket` has, in how many pieces; without torch, as whoever reads requests asks."""

from fractions import Fraction

from midi.tempo import loop_samples

from ...request import LoopRequest

SAMPLE_RATE = 44_100
LATENT_SAMPLES = 1024
LATENT_MULTIPLE = 8  # loops share lengths, so that batches need no padding and circles stay exact
PIECE_SECONDS = 16.5  # the longest loop made in one piece


def made_samples(request: LoopRequest) -> int:
    """Return how long the loop is that is made, at the model's own rate."""
    return loop_samples(request.bars, request.meter, request.tempo_bpm, SAMPLE_RATE)


def pieces_of(request: LoopRequest) -> int:
    """Return into how many pieces of whole bars the loop is cut: the fewest that are short enough."""
    bars, seconds = request.bars, Fraction(made_samples(request), SAMPLE_RATE)
    return next((n for n in range(1, bars + 1) if bars % n == 0 and seconds / n <= PIECE_SECONDS), bars)


def latent_frames(samples: int, pieces: int = 1) -> int:
    """Return how many latent frames span a loop of `samples` samples at 44.1 kHz, in pieces of equal length."""
    multiple = LATENT_MULTIPLE * pieces
    return max(multiple, multiple * round(samples / LATENT_SAMPLES / multiple))


def frames_of(request: LoopRequest) -> int:
    """Return the latent frames of the whole loop: loops of as many have noise for each other."""
    return latent_frames(made_samples(request), pieces_of(request))
