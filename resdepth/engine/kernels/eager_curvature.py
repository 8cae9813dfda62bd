"""Second derivatives by hand in torch operations: every device, every option.

A dot is the derivative along a direction V of the weights; dB = D V are its layers' matrices. The
backward pass of `eager`, each line differentiated (R-operator: Pearlmutter, Neural Computation 6,
1994), with e = 1, or 0 for `none`, and c = delta_L for `skip`, else 1:

    weights inside   dz_k = dh_k B_k^T + h_k dB_k^T,   dh_{k+1} = e dh_k + c sigma'(z_k) * dz_k
                     dU_k = c (dG_{k+1} * sigma'(z_k) + G_{k+1} * sigma''(z_k) * dz_k)
                     (HV)_k = dU_k^T h_k + U_k^T dh_k,  dG_k = e dG_{k+1} + dU_k B_k + U_k dB_k
    weights outside  s_k = sigma(h_k),  ds_k = sigma'(h_k) * dh_k
                     dh_{k+1} = dh_k + ds_k B_k^T + s_k dB_k^T
                     (HV)_k = dG_{k+1}^T s_k + G_{k+1}^T ds_k,  W_k = G_{k+1} B_k
                     dW_k = dG_{k+1} B_k + G_{k+1} dB_k
                     dG_k = dG_{k+1} + dW_k * sigma'(h_k) + W_k * sigma''(h_k) * dh_k

The Gauss-Newton product is the same without every term that has G, U or W undotted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from resdepth.arrays import BlockHessian, Directions, Hidden, Targets, Traces
from resdepth.engine.contract import check_directions, check_single
from resdepth.engine.loss import in_float64
from resdepth.engine.network import INSIDE, Network, increments, of_increments
from resdepth.mathematics.activation import ACTIVATIONS


@dataclass(frozen=True)
class Layer:
    """One layer on the way forward: what its matrix multiplies, and sigma', sigma'' (N, d)."""

    matrix: Tensor
    input: Tensor
    slope: Tensor
    bend: Tensor


def _factors(network: Network) -> tuple[float, float]:
    """e and c: how much of h_k stays, and what sigma is multiplied by."""
    keep = 0.0 if network.augmentation == "none" else 1.0
    return keep, network.delta if network.augmentation == "skip" else 1.0


def _forward(network: Network, h0: Hidden) -> tuple[list[Layer], Hidden]:
    """The layers, and h_L."""
    sigma = ACTIVATIONS[network.activation]
    inside = network.augmentation in INSIDE
    keep, factor = _factors(network)
    layers, h = [], h0
    for matrix in increments(network).unbind(-3):
        z = h @ matrix.mT if inside else h
        value = sigma.value(z)
        slope, bend = sigma.derivative(z, value), sigma.second_derivative(z, value)
        layers.append(Layer(matrix, h if inside else value, slope, bend))
        if not inside:
            h = h + value @ matrix.mT
        else:
            h = torch.add(h, value, alpha=factor) if keep else value
    return layers, h


def _adjoint(network: Network, h: Hidden, targets: Targets) -> Hidden:
    """G_L of the mean loss."""
    prediction = h @ network.readout.mT
    own = network.loss.gradient_of_samples(prediction, targets)
    return (own / len(h)) @ network.readout


def _curved(network: Network, h: Hidden, targets: Targets, tangent: Tensor) -> Tensor:
    """Hessian of the mean loss in h_L times a tangent (..., N, d) of h_L."""
    prediction = h @ network.readout.mT
    curved = network.loss.curvature_of_samples(prediction, targets, tangent @ network.readout.mT)
    return (curved / len(h)) @ network.readout


def _tangents(
    network: Network, layers: list[Layer], matrices: Tensor, start: Tensor
) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
    """Tangents of each layer's input and of what sigma is taken of, (R, N, d); and that of h_L."""
    inside = network.augmentation in INSIDE
    keep, factor = _factors(network)
    tangents, dh = [], start
    for layer, matrix in zip(layers, matrices.unbind(-3), strict=True):
        own = layer.input @ matrix.mT
        if inside:
            dz = dh @ layer.matrix.mT + own
            tangents.append((dh, dz))
            dh = keep * dh + factor * layer.slope * dz
        else:
            ds = layer.slope * dh
            tangents.append((ds, dh))
            dh = dh + ds @ layer.matrix.mT + own
    return tangents, dh


def hvp(
    network: Network,
    h0: Hidden,
    targets: Targets,
    directions: Directions,
    gauss_newton: bool = False,
) -> Directions:
    """See `Curvature.hvp`; keeps (2 R + 3) N d L numbers."""
    check_directions(network, directions)
    inside = network.augmentation in INSIDE
    keep, factor = _factors(network)
    matrices = increments(network, directions)
    layers, h = _forward(network, h0)
    start = h0.new_zeros(len(directions), *h0.shape)
    tangents, dh = _tangents(network, layers, matrices, start)
    g, dg = _adjoint(network, h, targets), _curved(network, h, targets, dh)
    if gauss_newton:
        # The same sweep with nothing in G.
        g = torch.zeros_like(g)
    product = torch.empty_like(directions)
    for k in reversed(range(network.depth)):
        layer, (dx, dz), matrix = layers[k], tangents.pop(), matrices[:, k]
        if inside:
            u = factor * g * layer.slope
            du = factor * (dg * layer.slope + g * layer.bend * dz)
            product[:, k] = du.mT @ layer.input + u.mT @ dx
            g = keep * g + u @ layer.matrix
            dg = keep * dg + du @ layer.matrix + u @ matrix
        else:
            product[:, k] = dg.mT @ layer.input + g.mT @ dx
            w, dw = g @ layer.matrix, dg @ layer.matrix + g @ matrix
            g, dg = g + w * layer.slope, dg + dw * layer.slope + w * layer.bend * dz
    return of_increments(network, product)


@dataclass(frozen=True)
class Bent:
    """The curvature of each sample's part of the loss in one layer's product x_k B_k^T.

    `own` is M_k (N, d, d): the Hessian in B_k is the sum over samples of M_k (x) x_k x_k^T. `above`
    is S_{k+1} J_k (N, d, d), which with G_{k+1} and sigma'_k (N, d) gives the block between B_{k-1}
    and B_k where the weights stand outside the activation; inside, it is S_{k+1}.
    """

    layer: int
    input: Tensor
    own: Tensor
    above: Tensor
    gradient: Tensor
    slope: Tensor


def layer_curvatures(
    network: Network, h0: Hidden, targets: Targets, gauss_newton: bool
) -> Iterator[Bent]:
    """The layers' own curvature, from the last layer to the first.

    S_k, the Hessian of a sample's part of the loss in h_k (d, d), comes down from the last layer:
    two products of (d, d) matrices a sample and layer.
    """
    check_single(network)
    inside = network.augmentation in INSIDE
    keep, factor = _factors(network)
    layers, h = _forward(network, h0)
    g = _adjoint(network, h, targets)
    if gauss_newton:
        g = torch.zeros_like(g)
    identity = torch.eye(network.width, dtype=h.dtype, device=h.device)
    columns = identity[:, None, :].expand(-1, len(h), -1)
    s = _curved(network, h, targets, columns).transpose(0, 1)
    for k in reversed(range(network.depth)):
        layer = layers.pop()
        matrix, slope, bend = layer.matrix, layer.slope, layer.bend
        if inside:
            own = factor**2 * slope[:, :, None] * s * slope[:, None, :]
            own.diagonal(dim1=-2, dim2=-1).add_(factor * g * bend)
            yield Bent(k, layer.input, own, s, g, slope)
            half = keep * factor * slope[:, :, None] * s + 0.5 * (own @ matrix)
            half = matrix.mT @ half
            s = keep * s + half + half.mT
            g = keep * g + (factor * g * slope) @ matrix
        else:
            jacobian = identity + matrix * slope[:, None, :]
            above = s @ jacobian
            yield Bent(k, layer.input, s, above, g, slope)
            w = g @ matrix
            s = jacobian.mT @ above
            s.diagonal(dim1=-2, dim2=-1).add_(w * bend)
            g = g + w * slope


def block_traces(
    network: Network, h0: Hidden, targets: Targets, gauss_newton: bool = False
) -> Traces:
    """See `Curvature.block_traces`; about two thirds of (d + 1) gradients."""
    traces = torch.zeros(network.depth, dtype=torch.float64, device=in_float64(h0).device)
    after: Bent | None = None
    for bent in layer_curvatures(network, h0, targets, gauss_newton):
        trace = bent.own.diagonal(dim1=-2, dim2=-1).sum(-1)
        own = in_float64(trace * bent.input.square().sum(-1)).sum()
        traces[bent.layer] += own
        if network.augmentation == "inc_skip":
            if bent.layer > 0:
                # B_k = A_k - A_{k-1}: the block of A_{k-1} has the one of B_k too.
                traces[bent.layer - 1] += own
            if after is not None:
                through = after.above.diagonal(dim1=-2, dim2=-1).sum(-1)
                cross = through * (bent.input * after.input).sum(-1)
                cross = cross + (after.gradient * after.slope * bent.input).sum(-1)
                traces[bent.layer] -= 2.0 * in_float64(cross).sum()
        after = bent
    return traces


def _dense(bent: Bent) -> Tensor:
    """The Hessian in B_k (d^2, d^2)."""
    samples, width = bent.input.shape
    squares = (bent.input[:, :, None] * bent.input[:, None, :]).reshape(samples, -1)
    product = bent.own.reshape(samples, -1).T @ squares
    return product.view(width, width, width, width).transpose(1, 2).reshape(width**2, width**2)


def _between(bent: Bent, after: Bent) -> Tensor:
    """The block (d^2, d^2) of rows B_{k+1} and columns B_k, weights outside."""
    samples, width = bent.input.shape
    squares = (after.input[:, :, None] * bent.input[:, None, :]).reshape(samples, -1)
    block = (after.above.reshape(samples, -1).T @ squares).view(width, width, width, width)
    block = block.transpose(1, 2).contiguous()
    # An entry (a, b) of B_{k+1} multiplies what the row b of B_k makes.
    link = torch.einsum("na,nb,nj->abj", after.gradient, after.slope, bent.input)
    block.diagonal(dim1=1, dim2=2).add_(link.transpose(1, 2))
    return block.reshape(width**2, width**2)


def block_hessians(
    network: Network, h0: Hidden, targets: Targets, gauss_newton: bool = False
) -> Iterator[BlockHessian]:
    """See `Curvature.block_hessians`; one product (d^2, N)(N, d^2) a layer, two for `inc_skip`."""
    after: Bent | None = None
    above: Tensor | None = None
    for bent in layer_curvatures(network, h0, targets, gauss_newton):
        own = _dense(bent)
        block = own
        if network.augmentation == "inc_skip" and after is not None and above is not None:
            between = _between(bent, after)
            block = own + above - between - between.mT
        yield block
        after, above = bent, own
