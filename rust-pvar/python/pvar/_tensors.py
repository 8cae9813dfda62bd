"""Tensors of other libraries -> NumPy arrays, exactly; known by what they can do, not by import."""

from typing import Any

import numpy as np
import numpy.typing as npt


def is_tensor(value: Any) -> bool:
    """Whether ``value`` is a tensor that may carry a gradient, or an array NumPy cannot see."""
    if hasattr(value, "detach"):
        return hasattr(value, "numpy")
    if hasattr(value, "__cuda_array_interface__"):
        return hasattr(value, "get")
    return hasattr(value, "__dlpack__") and not hasattr(value, "__array__")


def read_tensor(tensor: Any) -> npt.NDArray[Any]:
    """The numbers of a tensor, wherever it lies, as an array that holds them exactly."""
    try:
        return _read(tensor)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        name = type(tensor).__name__
        raise TypeError(f"this {name} cannot be read as an array: {reason[0]}") from None


def _read(tensor: Any) -> npt.NDArray[Any]:
    if not hasattr(tensor, "detach"):
        return np.asarray(tensor.get()) if hasattr(tensor, "get") else np.from_dlpack(tensor)
    tensor = tensor.detach()
    device = getattr(tensor, "device", None)
    if getattr(device, "type", "cpu") != "cpu":
        tensor = tensor.cpu()
    # A conjugate or a negative is a note beside the numbers, which NumPy does not know.
    for settle in ("resolve_conj", "resolve_neg"):
        if hasattr(tensor, settle):
            tensor = getattr(tensor, settle)()
    # Single precision holds bfloat16 and the types of eight bits.
    if hasattr(tensor, "element_size") and tensor.is_floating_point() and tensor.element_size() < 4:
        tensor = tensor.float()
    return np.asarray(tensor.numpy())
