"""What float32 costs a product of the Hessian, measured against float64."""

import numpy as np
import torch
from numpy.typing import NDArray

from resdepth.mathematics.lanczos import Product
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.curvature import Curvature
from resdepth.probing.objectives import Source, objective_of
from resdepth.runs.checkpoint import Checkpoint


def rounding(
    source: Source,
    checkpoint: Checkpoint,
    options: SpectrumOptions,
    device: torch.device,
    product: Product,
    rows: NDArray[np.float64],
) -> float:
    """How far the products of `rows` (R, n) are from float64's, the largest relative to its norm.

    0 where they are float64 themselves. The residuals of eigenvectors are those of the matrix that
    float32 multiplies by, and know nothing of this. Takes R products of either format.
    """
    if options.dtype == "float64":
        return 0.0
    place = torch.device("cpu") if device.type == "mps" else device
    precise = options.model_copy(update={"dtype": "float64"})
    objective, _ = objective_of(source, checkpoint, precise, place)
    right = Curvature(objective, source.checkpoint).of(options.gauss_newton)(rows)
    sizes = np.maximum(np.linalg.norm(right, axis=1), np.finfo(np.float64).tiny)
    return float((np.linalg.norm(product(rows) - right, axis=1) / sizes).max())
