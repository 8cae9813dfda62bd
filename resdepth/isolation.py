"""The settings of torch and numpy that a computation relies on, whatever a notebook has set."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch.backends import cuda, mkldnn


@contextmanager
def isolated() -> Iterator[None]:
    """Compute with the default settings of torch and numpy, and restore the user's at the end.

    They are the default device and dtype, autograd's modes, autocast, the precision of matrix
    products, deterministic algorithms, the number of threads, numpy's error state, and filters that
    turn warnings into errors. The same call then gives the same bits in every notebook. Random
    numbers need nothing: this package has generators of its own.
    """
    with ExitStack() as stack:
        stack.enter_context(_process_defaults())
        stack.enter_context(_exact_products())
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(np.errstate(all="warn", under="ignore"))
        stack.enter_context(warnings.catch_warnings())
        for action, _, category, *_ in tuple(warnings.filters):
            if action == "error":
                warnings.simplefilter("default", category)
        yield


@contextmanager
def _process_defaults() -> Iterator[None]:
    """Torch's settings of the whole process, but for the precision of matrix products."""
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    autocast = {kind: torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")}
    try:
        torch.set_default_dtype(torch.float32)
        if deterministic:
            # Only then, because the call imports torch's compiler.
            torch.use_deterministic_algorithms(False)
        for kind in autocast:
            torch.set_autocast_enabled(kind, False)
        yield
    finally:
        for kind, enabled in autocast.items():
            torch.set_autocast_enabled(kind, enabled)
        if deterministic:
            torch.use_deterministic_algorithms(True, warn_only=warn_only)
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)


@contextmanager
def _exact_products() -> Iterator[None]:
    """Matrix products of float32 in float32, however torch was told otherwise."""
    try:
        precision = torch.get_float32_matmul_precision()
    except RuntimeError:
        # Refused where the settings below say something else than this one: it is the default then.
        precision = "highest"
    # Torch has these since 2.9.
    places: list[Any] = [getattr(backend, "matmul", None) for backend in (cuda, mkldnn)]
    before = [(place, place.fp32_precision) for place in places if hasattr(place, "fp32_precision")]
    try:
        torch.set_float32_matmul_precision("highest")
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
        for place, value in before:
            place.fp32_precision = value
