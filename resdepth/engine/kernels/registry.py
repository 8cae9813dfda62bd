"""The table of engines, and the choice among them.

An engine's module is imported only when the engine is considered. A named engine that cannot run is
an error with the reason; `auto` takes the first that can, in the order of the table, and warns if
it passes over one that is made for the device.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import torch

from resdepth.engine.contract import Curvature, Engine, Request
from resdepth.errors import Usage


@dataclass(frozen=True)
class EngineInfo:
    """Name, module and devices of an engine; `automatic` engines are candidates for `auto`.

    `curvature` engines have second derivatives too (`Curvature`). The module offers
    `create(request) -> Engine` and, if it needs more than a device,
    `unavailable(request) -> str | None` (a reason, or None).
    """

    name: str
    module: str
    devices: tuple[str, ...]
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
        """The engine itself."""
        engine: Engine = import_module(self.module).create(request)
        return engine


_KERNELS = "resdepth.engine.kernels"
EVERY_DEVICE = ("cpu", "cuda", "mps")
ENGINES = {
    info.name: info
    for info in (
        EngineInfo("cpu", f"{_KERNELS}.cpu", ("cpu",)),
        EngineInfo("cuda", f"{_KERNELS}.cuda", ("cuda",), curvature=False),
        EngineInfo("eager", f"{_KERNELS}.eager", EVERY_DEVICE),
        EngineInfo("reference", "resdepth.engine.autograd", EVERY_DEVICE, automatic=False),
    )
}
"""Engines by name, fastest first."""
AUTO = "`engine=auto` uses the fastest engine that can"


def choose(name: str, request: Request) -> Engine:
    """The engine `name` ("auto": the fastest that can serve `request`).

    Raises Usage: the named engine cannot serve the request; the message says why.
    """
    return _choose(name, request, ENGINES)


def choose_curvature(name: str, request: Request) -> Curvature:
    """The same for second derivatives, among the engines that have them.

    Raises Usage: the named engine has none, or cannot serve the request; the message says why.
    """
    if name != "auto" and not ENGINES[name].curvature:
        raise Usage(f"engine={name}", "has no second derivatives; eager has them", AUTO)
    having = {info.name: info for info in ENGINES.values() if info.curvature}
    engine = _choose(name, request, having)
    if not isinstance(engine, Curvature):
        raise TypeError(f"{engine.name}: is registered with second derivatives but has none")
    return engine


def _choose(name: str, request: Request, engines: Mapping[str, EngineInfo]) -> Engine:
    if name != "auto":
        reason = engines[name].refusal(request)
        if reason is not None:
            raise Usage(f"engine={name}", reason, AUTO)
        return engines[name].create(request)
    for info in engines.values():
        if info.automatic and request.device.type in info.devices:
            reason = info.refusal(request)
            if reason is None:
                return info.create(request)
            warnings.warn(f"`engine=auto` leaves out {info.name}: {reason}", stacklevel=2)
    raise Usage(f"engine={name}", "no engine can run this network here", AUTO)
