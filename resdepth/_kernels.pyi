"""Types of the compiled CPU kernels (rust-engine/)."""

from typing import Any, TypedDict, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

class Options(TypedDict):
    activation: str
    augmentation: str
    delta: float
    loss_p: float | None

def instruction_set() -> str: ...

@final
class Engine:
    def __new__(cls, threads: int, instruction_set: str | None = None) -> Engine: ...
    def predict(
        self, h0: Array, blocks: Array, readout: Array, prediction: Array, options: Options
    ) -> None: ...
    def products(
        self,
        h0: Array,
        blocks: Array,
        readout: Array,
        targets: Array,
        options: Options,
        gauss_newton: bool,
        directions: Array,
        products: Array,
    ) -> None: ...
    def traces(
        self,
        h0: Array,
        blocks: Array,
        readout: Array,
        targets: Array,
        options: Options,
        gauss_newton: bool,
    ) -> NDArray[np.float64]: ...
    def evaluate(
        self,
        h0: Array,
        blocks: Array,
        readout: Array,
        targets: Array,
        options: Options,
        prediction: Array | None = None,
        gradient: Array | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]: ...
