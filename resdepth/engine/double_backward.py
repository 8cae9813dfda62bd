"""Hessian and Gauss-Newton products of anything that autograd can differentiate twice."""

from collections.abc import Callable

import torch
from torch import Tensor


def products(
    predict: Callable[[Tensor], Tensor],
    loss: Callable[[Tensor], Tensor],
    parameters: Tensor,
    directions: Tensor,
    gauss_newton: bool = False,
) -> Tensor:
    """The Hessian of loss(predict(parameters)), or its Gauss-Newton matrix, times each direction.

    `directions` is (R, *parameters.shape), and so is what returns; the R share one graph.
    """
    leaf = parameters.detach().clone().requires_grad_()
    prediction = predict(leaf)
    # The loss of a prediction that nothing stands behind has its own Hessian alone.
    own = prediction.detach().requires_grad_() if gauss_newton else prediction
    slope = derivative(loss(own), own if gauss_newton else leaf, again=True)
    if not gauss_newton:
        return torch.stack([derivative(slope, leaf, along) for along in directions])
    # J v: the derivative of J^T w by w, along v.
    weights = torch.zeros_like(prediction).requires_grad_()
    back = derivative(prediction, leaf, weights, again=True)
    return torch.stack(
        [
            derivative(prediction, leaf, derivative(slope, own, derivative(back, weights, along)))
            for along in directions
        ]
    )


def derivative(of: Tensor, by: Tensor, along: Tensor | None = None, again: bool = False) -> Tensor:
    """Gradient of <of, along> by `by`, zero where it does not depend on it.

    `again`: it can be differentiated once more.
    """
    (found,) = torch.autograd.grad(
        of, by, along, create_graph=again, retain_graph=True, materialize_grads=True
    )
    return found
