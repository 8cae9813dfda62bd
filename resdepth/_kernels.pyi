"""Types of the compiled CPU kernels (rust-engine/)."""

from typing import Any, TypedDict, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Engine", "instruction_set"]

_Array = NDArray[Any]

class _Options(TypedDict):
    activation: str
    augmentation: str
    delta: float
    loss_p: float | None

def instruction_set() -> str: ...

@final
class Engine:
    def __new__(cls, threads: int, instruction_set: str | None = None) -> Engine: ...
    def predict(
        self, h0: _Array, blocks: _Array, readout: _Array, prediction: _Array, options: _Options
    ) -> None: ...
    def products(
        self,
        h0: _Array,
        blocks: _Array,
        readout: _Array,
        targets: _Array,
        options: _Options,
        gauss_newton: bool,
        directions: _Array,
        products: _Array,
    ) -> None: ...
    def traces(
        self,
        h0: _Array,
        blocks: _Array,
        readout: _Array,
        targets: _Array,
        options: _Options,
        gauss_newton: bool,
    ) -> NDArray[np.float64]: ...
    def evaluate(
        self,
        h0: _Array,
        blocks: _Array,
        readout: _Array,
        targets: _Array,
        options: _Options,
        prediction: _Array | None = None,
        gradient: _Array | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]: ...
