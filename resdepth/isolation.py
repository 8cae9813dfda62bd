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

    The same call then gives the same bits in every notebook; random numbers have their own
    generators.
    """
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, torch.get_num_threads())
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        torch.set_default_dtype(torch.float32)
        if torch.are_deterministic_algorithms_enabled():
            # Only then, because the call imports torch's compiler.
            warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
            stack.callback(torch.use_deterministic_algorithms, True, warn_only=warn_only)
            torch.use_deterministic_algorithms(False)
        for kind in ("cpu", "cuda"):
            stack.callback(torch.set_autocast_enabled, kind, torch.is_autocast_enabled(kind))
            torch.set_autocast_enabled(kind, False)
        # Multiply float32 matrices in float32.
        try:
            precision = torch.get_float32_matmul_precision()
        except RuntimeError:
            # Raised if the newer settings below contradict this one, which then has its default.
            precision = "highest"
        # Torch has these since 2.9.
        places: list[Any] = [getattr(backend, "matmul", None) for backend in (cuda, mkldnn)]
        for place in places:
            if hasattr(place, "fp32_precision"):
                stack.callback(setattr, place, "fp32_precision", place.fp32_precision)
        stack.callback(torch.set_float32_matmul_precision, precision)
        torch.set_float32_matmul_precision("highest")
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
