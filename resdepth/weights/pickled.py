"""The tensors by name in what `torch.save` wrote: state dicts, plain, nested, or Lightning's."""

from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import torch
from torch import Tensor

from resdepth.weights.loading import NotLoaded, load_torch
from resdepth.weights.tensor import Numbers, Stored

WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "net", "weights")
"""Keys under which training programs put the weights, beside optimisers and counters."""


def read_pickled(path: Path) -> dict[str, Stored]:
    """The tensors of a file of `torch.save` by name, nested dictionaries joined by dots.

    Where a dictionary has one of `WRAPPERS`, its content alone counts, and other entries with the
    same names under their own: `model_ema.…` beside `model`. A list counts from 0. The states of
    optimisers are left out.

    Raises
    ------
    NotLoaded
        It is no such file, or holds no tensors.
    Unsafe
        The pickle asks for code.
    """
    content = load_torch(path)
    weights, others = _unwrapped(content)
    found: dict[str, Stored] = {}
    for name, tensor in _named(weights, ""):
        if name in found:
            raise NotLoaded(f"two of its tensors are called '{name}'")
        found[name] = _stored(path, name, tensor)
    for copy, entry in [copy for other in others for copy in _copies(other, "", set(found))]:
        for name, tensor in _named(entry, copy):
            found.setdefault(name, _stored(path, name, tensor, copy))
    if not found and _holds_optimiser(content):
        remedy = "give the file of the model, which programs write beside it"
        raise NotLoaded("it holds the state of an optimiser, not weights", remedy)
    if not found:
        raise NotLoaded(f"it holds a {type(content).__name__} without tensors")
    return found


def _stored(path: Path, name: str, tensor: Tensor, copy: str = "") -> Stored:
    return Stored(name, path, tuple(tensor.shape), _word(tensor), _reader(tensor), copy)


def _unwrapped(content: object) -> tuple[object, list[Mapping[object, object]]]:
    """The weights inside `WRAPPERS`, and what lies beside each wrapper."""
    others: list[Mapping[object, object]] = []
    while isinstance(content, Mapping):
        chosen = next((key for key in WRAPPERS if _has_tensors(content.get(key))), None)
        if chosen is None:
            break
        others.append({key: value for key, value in content.items() if key != chosen})
        content = content[chosen]
    return content, others


def _copies(
    content: Mapping[object, object], prefix: str, names: Set[str]
) -> Iterator[tuple[str, object]]:
    """Entries in `content` whose tensors have some of `names`, each with where it lies."""
    for key, value in content.items():
        place = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping) and not _is_optimiser(value):
            inside = {name.removeprefix("module.") for name, _ in _named(value, "")}
            if inside & names:
                yield place, value
            else:
                yield from _copies(value, place, names)


def _is_optimiser(value: object) -> bool:
    return isinstance(value, Mapping) and {"state", "param_groups"} <= value.keys()


def _holds_optimiser(value: object) -> bool:
    inner = value.values() if isinstance(value, Mapping) else ()
    return _is_optimiser(value) or any(map(_holds_optimiser, inner))


def _has_tensors(value: object) -> bool:
    return isinstance(value, Mapping) and next(_named(value, ""), None) is not None


def _named(value: object, prefix: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield prefix or "tensor", value
        return
    pairs: list[tuple[object, object]] = []
    if isinstance(value, Mapping) and not _is_optimiser(value):
        pairs = list(value.items())
    elif isinstance(value, (list, tuple)):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        yield from _named(inner, f"{prefix}.{key}" if prefix else str(key))


def _word(tensor: Tensor) -> str:
    word = str(tensor.dtype).removeprefix("torch.")
    kind = str(tensor.layout).removeprefix("torch.")
    if tensor.is_meta:
        return f"{word} without numbers, which stayed on the meta device"
    return word if tensor.layout == torch.strided else f"{kind} {word}"


def _reader(tensor: Tensor) -> Numbers | None:
    if tensor.layout != torch.strided or not tensor.dtype.is_floating_point or tensor.is_meta:
        return None
    if tensor.dtype.itemsize * tensor.numel() and not tensor.untyped_storage().nbytes():
        return None
    plain = tensor.detach().resolve_neg()
    return lambda start, stop: plain.reshape(-1)[start:stop].to(torch.float64).numpy()
