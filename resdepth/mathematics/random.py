"""Independent streams of random numbers, determined by the seed and a name."""

import numpy as np

STREAMS = (
    "readin",
    "readout",
    "blocks",
    "inputs",
    "validation",
    "subset",
    "permutation",
    "directions",
    "kernels",
    "crops",
    "flips",
)
"""Names of the streams; the position of a name determines its stream: only append."""


def stream(seed: int, name: str, *index: int) -> np.random.Generator:
    """The generator of stream `name` (see `STREAMS`), for instance of epoch `index`."""
    return np.random.default_rng([seed, STREAMS.index(name), *index])


def permutation(seed: int, epoch: int, samples: int) -> np.ndarray:
    """Order of the samples in `epoch`."""
    return stream(seed, "permutation", epoch).permutation(samples)
