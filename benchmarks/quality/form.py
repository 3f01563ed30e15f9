"""The form of a loop as a segmenter hears it that shares no distance with the control `structure`."""

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from engine.metrics.framing import Signal
from engine.metrics.melody import chromagram
from engine.metrics.structure import mfcc, stretches


def found_form(signal: Signal, sample_rate: int, sections: int, letters: int, *, circular: bool) -> str:
    """Return the form that an independent segmenter finds in equal sections: level, chroma and timbre, clustered.

    Sections are joined bottom-up by their average distance (UPGMA) until `letters` kinds are left, and named in order.
    """
    timbre = mfcc(signal, sample_rate, circular=circular)
    chroma = np.sqrt(chromagram(signal, sample_rate, circular=circular))
    features = np.hstack([_spread(stretches(timbre, sections)), _spread(stretches(chroma, sections))])
    if letters >= sections:
        return "".join(chr(65 + i) for i in range(sections))
    names = fcluster(linkage(features, "average"), letters, "maxclust")
    order = {name: chr(65 + i) for i, name in enumerate(dict.fromkeys(names.tolist()))}
    return "".join(order[name] for name in names.tolist())


def _spread(features: Signal) -> Signal:
    centred = features - features.mean(0)
    return np.asarray(centred / max(float(np.sqrt((centred**2).sum(1).mean())), 1e-9))


def canonical(form: str) -> str:
    """Return `form` with its letters renamed in the order in which they come: BBAB becomes AABA."""
    order = {letter: chr(65 + i) for i, letter in enumerate(dict.fromkeys(form))}
    return "".join(order[letter] for letter in form)
