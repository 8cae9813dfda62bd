"""The choice of the device and of the engine that computes on it.

An engine's module is imported only when the engine is considered. A named engine that cannot run is
an error with the reason; `auto` takes the first that can, in the order of the table, and warns if
it passes over one that is made for the device.
"""

import warnings
from dataclasses import dataclass
from importlib import import_module

import torch

from resdepth.engine.contract import Engine, Request
from resdepth.errors import Usage


def resolve_device(name: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda`, `mps` or `gpu` (cuda, else mps, else the CPU).

    Raises Usage: `cuda` or `mps` was requested by name and is not available.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(name, True):
        reason = f"this machine has no usable {name} device"
        raise Usage(f"device={name}", reason, "`device=auto` uses the best device of this machine")
    if name == "cpu" or name in there:
        return torch.device(name)
    best = next((candidate for candidate, available in there.items() if available), "cpu")
    if name == "gpu" and best == "cpu":
        text = "`device=gpu`: there is neither cuda nor mps here; computing on the CPU"
        warnings.warn(text, stacklevel=2)
    return torch.device(best)


def leave_threads_to(engine: Engine) -> None:
    """Keep torch to one thread if the engine has threads of its own.

    Torch's pool would keep spinning after each of its small operations and slow them down.
    """
    if engine.name == "cpu":
        torch.set_num_threads(1)


@dataclass(frozen=True)
class EngineInfo:
    """An engine: `automatic` for a candidate of `auto`, `curvature` for a `Curvature`.

    The module offers `create(request) -> Engine` and, if it needs more than a device,
    `unavailable(request) -> str | None` (a reason, or None).
    """

    name: str
    module: str
    devices: tuple[str, ...] = ("cpu", "cuda", "mps")
    automatic: bool = True
    curvature: bool = True

    def refusal(self, request: Request) -> str | None:
        """Why this engine cannot serve `request`; None if it can."""
        if request.device.type not in self.devices:
            return f"runs on {' or '.join(self.devices)}, not on {request.device.type}"
        if request.device.type == "mps" and request.dtype == torch.float64:
            return "mps has no float64"
        try:
            module = import_module(self.module)
        except ImportError as error:
            # The compiled module or a library it needs is not installed on this machine.
            return f"cannot be loaded ({error})"
        reason: str | None = module.unavailable(request) if hasattr(module, "unavailable") else None
        return reason

    def create(self, request: Request) -> Engine:
        """The engine."""
        engine: Engine = import_module(self.module).create(request)
        return engine


_TABLE = (
    EngineInfo("cpu", "resdepth.engine.kernels.cpu", ("cpu",)),
    EngineInfo("cuda", "resdepth.engine.kernels.cuda", ("cuda",), curvature=False),
    EngineInfo("eager", "resdepth.engine.kernels.eager"),
    EngineInfo("reference", "resdepth.engine.autograd", automatic=False),
)
ENGINES = {info.name: info for info in _TABLE}
"""Engines by name, fastest first."""
AUTO = "`engine=auto` uses the fastest engine that can"


def choose(name: str, request: Request, *, curvature: bool = False) -> Engine:
    """The engine `name` ("auto": the fastest that can serve `request`).

    With `curvature`, one with second derivatives. Raises Usage: the named engine has none, or
    cannot serve the request; the message says why.
    """
    if name != "auto":
        info = ENGINES[name]
        reason = info.refusal(request)
        if curvature and not info.curvature:
            reason = "has no second derivatives; eager has them"
        if reason is not None:
            raise Usage(f"engine={name}", reason, AUTO)
        return info.create(request)
    for info in ENGINES.values():
        fits = info.automatic and request.device.type in info.devices
        if fits and info.curvature >= curvature:
            reason = info.refusal(request)
            if reason is None:
                return info.create(request)
            warnings.warn(f"`engine=auto` leaves out {info.name}: {reason}", stacklevel=2)
    raise Usage(f"engine={name}", "no engine can run this network here", AUTO)
