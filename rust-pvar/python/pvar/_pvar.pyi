from collections.abc import Iterable, Sequence
from typing import Any, Literal, SupportsFloat, final, overload

import numpy as np
import numpy.typing as npt

_Metric = str  # "euclidean", "manhattan" or "chebyshev"
_Path = Any  # array (n, d) or (n,), nested sequence, or a tensor of another library
_Matrix = Any  # array (n, n), nested sequence, or a tensor of another library
_Norms = npt.NDArray[np.float64]
_Indices = npt.NDArray[np.intp]

def instruction_set() -> str: ...
@overload
def p_variation(
    path: _Path,
    p: SupportsFloat,
    *,
    metric: _Metric = "euclidean",
    return_partition: Literal[False] = False,
) -> float: ...
@overload
def p_variation(
    path: _Path, p: SupportsFloat, *, metric: _Metric = "euclidean", return_partition: Literal[True]
) -> tuple[float, _Indices]: ...
@overload
def p_variation_norm(
    path: _Path,
    p: SupportsFloat,
    *,
    metric: _Metric = "euclidean",
    return_partition: Literal[False] = False,
) -> float: ...
@overload
def p_variation_norm(
    path: _Path, p: SupportsFloat, *, metric: _Metric = "euclidean", return_partition: Literal[True]
) -> tuple[float, _Indices]: ...
def p_var(path: _Path, p: SupportsFloat, dist: _Metric = "euclidean") -> float: ...
def profile(
    path: _Path, ps: Iterable[SupportsFloat], *, metric: _Metric = "euclidean"
) -> _Norms: ...
def prefix(path: _Path, p: SupportsFloat, *, metric: _Metric = "euclidean") -> _Norms: ...
def batch(
    paths: npt.NDArray[Any] | Sequence[_Path],
    p: SupportsFloat | Iterable[SupportsFloat],
    *,
    metric: _Metric = "euclidean",
    threads: int | None = None,
) -> _Norms: ...
def critical_exponent(
    path: _Path, shortest: int, longest: int | None
) -> tuple[float, float, int]: ...
@overload
def p_variation_from_distances(
    distances: _Matrix, p: SupportsFloat, *, return_partition: Literal[False] = False
) -> float: ...
@overload
def p_variation_from_distances(
    distances: _Matrix, p: SupportsFloat, *, return_partition: Literal[True]
) -> tuple[float, _Indices]: ...
@overload
def p_variation_norm_from_distances(
    distances: _Matrix, p: SupportsFloat, *, return_partition: Literal[False] = False
) -> float: ...
@overload
def p_variation_norm_from_distances(
    distances: _Matrix, p: SupportsFloat, *, return_partition: Literal[True]
) -> tuple[float, _Indices]: ...
def profile_from_distances(distances: _Matrix, ps: Iterable[SupportsFloat]) -> _Norms: ...
def prefix_from_distances(distances: _Matrix, p: SupportsFloat) -> _Norms: ...
def distances_from_gram(gram: _Matrix) -> npt.NDArray[np.float64]: ...

@final
class Gatherer:
    def __new__(cls, points: int) -> Gatherer: ...
    def add(self, block: _Path) -> None: ...
    def distances(self) -> npt.NDArray[np.float64]: ...

@final
class Path:
    def __new__(cls, path: _Path, *, metric: _Metric = "euclidean") -> Path: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    def __len__(self) -> int: ...
    @overload
    def p_variation(
        self, p: SupportsFloat, *, return_partition: Literal[False] = False
    ) -> float: ...
    @overload
    def p_variation(
        self, p: SupportsFloat, *, return_partition: Literal[True]
    ) -> tuple[float, _Indices]: ...
    @overload
    def p_variation_norm(
        self, p: SupportsFloat, *, return_partition: Literal[False] = False
    ) -> float: ...
    @overload
    def p_variation_norm(
        self, p: SupportsFloat, *, return_partition: Literal[True]
    ) -> tuple[float, _Indices]: ...
    def profile(self, ps: Iterable[SupportsFloat]) -> _Norms: ...
    def prefix(self, p: SupportsFloat) -> _Norms: ...
