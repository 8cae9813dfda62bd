"""Pure mathematics: arrays in, arrays out; no files, no terminal, no options."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
