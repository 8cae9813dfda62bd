"""The tensors by name in a file of `torch.save`: a state dict, plain, nested, or Lightning's."""

from collections.abc import Iterable, Iterator, Mapping, Set
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from resdepth.weights.loading import damaged, load_torch
from resdepth.weights.tensor import Array, Stored, Tensors

WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "weights")
"""Keys under which training programs store the weights, beside optimisers and counters."""


def read_pickled(path: Path) -> Tensors:
    """The tensors of a file of `torch.save` by name; names of nested dictionaries joined by dots.

    If a dictionary has one of `WRAPPERS`, only its content counts, and entries that repeat its
    names: `model_ema.…` beside `model`. A list counts from 0. Optimiser states are left out.
    """
    content = load_torch(path)
    weights, others = _unwrapped(content)
    found: Tensors = {}
    for name, value in _named(weights):
        if name in found:
            raise damaged(path, f"two of its tensors are called '{name}'")
        found[name] = _stored(path, name, value)
    for copy, entry in [copy for other in others for copy in _copies(other, "", set(found))]:
        for name, value in _named(entry, copy):
            found.setdefault(name, _stored(path, name, value, copy))
    if not found and _holds_optimiser(content):
        remedy = "give the file of the model, which the program wrote next to it"
        raise damaged(path, "it holds the state of an optimiser, not weights", remedy)
    if not found:
        raise damaged(path, f"it holds a {type(content).__name__} without tensors")
    return found


def _unwrapped(content: object) -> tuple[object, list[Mapping[object, object]]]:
    """The weights inside `WRAPPERS`, and what each wrapper holds beside them."""
    others: list[Mapping[object, object]] = []
    while isinstance(content, Mapping):
        inner = ((key, content.get(key)) for key in WRAPPERS)
        chosen = next((k for k, v in inner if isinstance(v, Mapping) and any(_named(v))), None)
        if chosen is None:
            break
        others.append({key: value for key, value in content.items() if key != chosen})
        content = content[chosen]
    return content, others


def _copies(
    content: Mapping[object, object], prefix: str, names: Set[str]
) -> Iterator[tuple[str, object]]:
    """Entries in `content` whose tensors have some of `names`, each with its place."""
    for key, value in content.items():
        place = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping) and not _is_optimiser(value):
            inside = {name.removeprefix("module.") for name, _ in _named(value)}
            if inside & names:
                yield place, value
            else:
                yield from _copies(value, place, names)


def _is_optimiser(value: object) -> bool:
    return isinstance(value, Mapping) and {"state", "param_groups"} <= value.keys()


def _holds_optimiser(value: object) -> bool:
    inner = value.values() if isinstance(value, Mapping) else ()
    return _is_optimiser(value) or any(map(_holds_optimiser, inner))


def _named(value: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Tensors by name; so is anything else in a list of tensors, where no layer may be skipped."""
    if isinstance(value, Tensor):
        yield prefix or "tensor", value
        return
    pairs: Iterable[tuple[object, object]] = ()
    listed = False
    if isinstance(value, (list, tuple)):
        pairs, listed = enumerate(value), any(isinstance(part, Tensor) for part in value)
    elif isinstance(value, Mapping) and not _is_optimiser(value):
        pairs = value.items()
    for key, inner in pairs:
        name = f"{prefix}.{key}" if prefix else str(key)
        if listed and not isinstance(inner, (Tensor, Mapping, list, tuple)):
            yield name, inner
        yield from _named(inner, name)


def _stored(path: Path, name: str, value: object, copy: str = "") -> Stored:
    if not isinstance(value, Tensor):
        return Stored(name, path, (), type(value).__name__, None, copy)
    word = str(value.dtype).removeprefix("torch.")
    real = False
    if value.is_meta:
        word += " without numbers, which stayed on the meta device"
    elif value.layout != torch.strided:
        word = f"{str(value.layout).removeprefix('torch.')} {word}"
    else:
        lost = value.numel() and not value.untyped_storage().nbytes()
        real = value.dtype.is_floating_point and not lost
    numbers = partial(_read, value.detach().resolve_neg()) if real else None
    return Stored(name, path, tuple(value.shape), word, numbers, copy)


def _read(tensor: Tensor, start: int, stop: int) -> Array:
    found: Array = tensor.reshape(-1)[start:stop].to(torch.float64).numpy()
    return found
