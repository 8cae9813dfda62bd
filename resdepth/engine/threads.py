"""Torch's threads, beside those that an engine has of its own."""

import torch

from resdepth.engine.contract import Engine


def leave_threads_to(engine: Engine) -> None:
    """Keep torch to one thread beside an engine with threads of its own.

    Torch's pool would go on spinning beside them after each of the small operations that are left
    to torch.
    """
    if engine.name == "cpu":
        torch.set_num_threads(1)
