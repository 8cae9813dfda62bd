"""The tensors by name in what `torch.save` wrote: state dicts, plain, nested, or Lightning's."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from resdepth.runs.loading import NotLoaded, load_torch
from resdepth.runs.stored.tensor import Numbers, Stored

WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "weights")
"""Keys under which training programs put the weights, beside optimisers and counters."""


def read_pickled(path: Path) -> dict[str, Stored]:
    """The tensors of a file of `torch.save` by name, nested dictionaries joined by dots.

    Where a dictionary has one of `WRAPPERS`, its content alone counts. A list counts from 0.

    Raises
    ------
    NotLoaded
        It is no such file, or holds no tensors.
    FileUnsafe
        The pickle asks for code.
    """
    content = load_torch(path)
    found: dict[str, Stored] = {}
    for name, tensor in _named(_unwrapped(content), ""):
        if name in found:
            raise NotLoaded(f"two of its tensors are called '{name}'")
        found[name] = Stored(name, path, tuple(tensor.shape), _word(tensor), _reader(tensor))
    if not found:
        raise NotLoaded(f"it holds a {type(content).__name__} without tensors")
    return found


def _unwrapped(content: object) -> object:
    while isinstance(content, Mapping):
        inner = next((content[key] for key in WRAPPERS if _has_tensors(content.get(key))), None)
        if inner is None:
            return content
        content = inner
    return content


def _has_tensors(value: object) -> bool:
    return isinstance(value, Mapping) and next(_named(value, ""), None) is not None


def _named(value: object, prefix: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield prefix or "tensor", value
        return
    pairs: list[tuple[object, object]] = []
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, (list, tuple)):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        yield from _named(inner, f"{prefix}.{key}" if prefix else str(key))


def _word(tensor: Tensor) -> str:
    word = str(tensor.dtype).removeprefix("torch.")
    kind = str(tensor.layout).removeprefix("torch.")
    return word if tensor.layout == torch.strided else f"{kind} {word}"


def _reader(tensor: Tensor) -> Numbers | None:
    if tensor.layout != torch.strided or not tensor.dtype.is_floating_point:
        return None
    if tensor.dtype.itemsize * tensor.numel() and not tensor.untyped_storage().nbytes():
        return None
    plain = tensor.detach()
    return lambda start, stop: plain.reshape(-1)[start:stop].to(torch.float64).numpy()
