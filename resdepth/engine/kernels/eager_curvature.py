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
from typing import NamedTuple

import torch
from torch import Tensor

from resdepth.arrays import BlockHessian, Directions, Hidden, Traces
from resdepth.engine.contract import Batch, Curvature, check_directions, check_single
from resdepth.engine.loss import in_float64
from resdepth.engine.network import INSIDE, Network, increments, of_increments
from resdepth.mathematics.activation import ACTIVATIONS


class ForwardLayer(NamedTuple):
    """One layer of a forward pass; the matrix multiplies `input`, `value` is sigma(`argument`)."""

    matrix: Tensor
    input: Tensor
    argument: Tensor
    value: Tensor
    output: Hidden


class Layer(NamedTuple):
    """What second derivatives need of a layer: matrix, left operand, sigma' and sigma'' (N, d)."""

    matrix: Tensor
    input: Tensor
    slope: Tensor
    bend: Tensor


class LayerCurvature(NamedTuple):
    """The curvature of each sample's part of the loss in one layer's product x_k B_k^T.

    `own` is M_k (N, d, d): the Hessian in B_k is the sum over samples of M_k (x) x_k x_k^T. `above`
    is S_{k+1} J_k (N, d, d), which with G_{k+1} and sigma'_k (N, d) gives the block between B_{k-1}
    and B_k if the weights are outside the activation; inside, it is S_{k+1}.
    """

    layer: int
    input: Tensor
    own: Tensor
    above: Tensor
    gradient: Tensor
    slope: Tensor


def forward(network: Network, h0: Hidden) -> Iterator[ForwardLayer]:
    """The layers one after another, from h_0 to h_L."""
    sigma = ACTIVATIONS[network.activation].value
    inside = network.augmentation in INSIDE
    h = h0
    for matrix in increments(network).unbind(-3):
        before = h
        argument = h @ matrix.mT if inside else h
        value = sigma(argument)
        if network.augmentation == "skip":
            h = torch.add(h, value, alpha=network.delta)
        elif network.augmentation == "none":
            h = value
        else:
            h = h + value @ matrix.mT
        yield ForwardLayer(matrix, before if inside else value, argument, value, h)


def _factors(network: Network) -> tuple[float, float]:
    """e and c: how much of h_k stays, and what sigma is multiplied by."""
    keep = 0.0 if network.augmentation == "none" else 1.0
    return keep, network.delta if network.augmentation == "skip" else 1.0


def _layers(network: Network, h0: Hidden) -> tuple[list[Layer], Hidden]:
    """The layers, and h_L."""
    sigma = ACTIVATIONS[network.activation]
    layers, h = list[Layer](), h0
    for matrix, left, z, value, h in forward(network, h0):  # noqa: B007
        layers.append(
            Layer(matrix, left, sigma.derivative(z, value), sigma.second_derivative(z, value))
        )
    return layers, h


def _adjoint(batch: Batch, h: Hidden, gauss_newton: bool) -> Hidden:
    """G_L of the mean loss; 0 for the Gauss-Newton matrix, whose sweep has no term in G."""
    found = batch.adjoint(batch.gradient_of_samples(h @ batch.network.readout.mT))
    return torch.zeros_like(found) if gauss_newton else found


def _curved(batch: Batch, h: Hidden, tangent: Tensor) -> Tensor:
    """Hessian of the mean loss in h_L times a tangent (..., N, d) of h_L."""
    readout = batch.network.readout.mT
    curvature = batch.network.loss.curvature_of_samples
    return batch.adjoint(curvature(h @ readout, batch.targets, tangent @ readout))


def _tangents(
    network: Network, layers: list[Layer], matrices: Tensor, start: Tensor
) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
    """Tangents of each layer's input and of sigma's argument, (R, N, d); and that of h_L."""
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


def _layer_curvatures(batch: Batch, gauss_newton: bool) -> Iterator[LayerCurvature]:
    """The layers' own curvature, from the last layer to the first.

    S_k, the Hessian of a sample's part of the loss in h_k (d, d), is propagated from the last
    layer: two products of (d, d) matrices per sample and layer.
    """
    network = batch.network
    check_single(network)
    inside = network.augmentation in INSIDE
    keep, factor = _factors(network)
    layers, h = _layers(network, batch.h0)
    g = _adjoint(batch, h, gauss_newton)
    identity = torch.eye(network.width, dtype=h.dtype, device=h.device)
    columns = identity[:, None, :].expand(-1, len(h), -1)
    s = _curved(batch, h, columns).transpose(0, 1)
    for k in reversed(range(network.depth)):
        matrix, left, slope, bend = layers.pop()
        if inside:
            own = factor**2 * slope[:, :, None] * s * slope[:, None, :]
            own.diagonal(dim1=-2, dim2=-1).add_(factor * g * bend)
            yield LayerCurvature(k, left, own, s, g, slope)
            half = keep * factor * slope[:, :, None] * s + 0.5 * (own @ matrix)
            half = matrix.mT @ half
            s = keep * s + half + half.mT
            g = keep * g + (factor * g * slope) @ matrix
        else:
            jacobian = identity + matrix * slope[:, None, :]
            above = s @ jacobian
            yield LayerCurvature(k, left, s, above, g, slope)
            w = g @ matrix
            s = jacobian.mT @ above
            s.diagonal(dim1=-2, dim2=-1).add_(w * bend)
            g = g + w * slope


def _dense(layer: LayerCurvature) -> Tensor:
    """The Hessian in B_k (d^2, d^2)."""
    samples, width = layer.input.shape
    squares = (layer.input[:, :, None] * layer.input[:, None, :]).reshape(samples, -1)
    product = layer.own.reshape(samples, -1).T @ squares
    return product.view(width, width, width, width).transpose(1, 2).reshape(width**2, width**2)


def _between(layer: LayerCurvature, after: LayerCurvature) -> Tensor:
    """The block (d^2, d^2) of rows B_{k+1} and columns B_k, weights outside."""
    samples, width = layer.input.shape
    squares = (after.input[:, :, None] * layer.input[:, None, :]).reshape(samples, -1)
    block = (after.above.reshape(samples, -1).T @ squares).view(width, width, width, width)
    block = block.transpose(1, 2).contiguous()
    # Entry (a, b) of B_{k+1} multiplies the output of row b of B_k.
    link = torch.einsum("na,nb,nj->abj", after.gradient, after.slope, layer.input)
    block.diagonal(dim1=1, dim2=2).add_(link.transpose(1, 2))
    return block.reshape(width**2, width**2)


class EagerCurvature(Curvature):
    """Products and diagonal blocks of the Hessian and of the Gauss-Newton matrix."""

    def hvp(self, batch: Batch, directions: Directions, gauss_newton: bool = False) -> Directions:
        """The Hessian, or the Gauss-Newton matrix, times each direction.

        Keeps (2 R + 3) N d L numbers.
        """
        network = batch.network
        check_directions(network, directions)
        inside = network.augmentation in INSIDE
        keep, factor = _factors(network)
        matrices = increments(network, directions)
        layers, h = _layers(network, batch.h0)
        start = h.new_zeros(len(directions), *h.shape)
        tangents, dh = _tangents(network, layers, matrices, start)
        g, dg = _adjoint(batch, h, gauss_newton), _curved(batch, h, dh)
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

    def block_traces(self, batch: Batch, gauss_newton: bool = False) -> Traces:
        """The exact trace of each layer's diagonal block; costs about 2/3 (d + 1) gradients."""
        depth, device = batch.network.depth, in_float64(batch.h0).device
        traces = torch.zeros(depth, dtype=torch.float64, device=device)
        after: LayerCurvature | None = None
        for layer in _layer_curvatures(batch, gauss_newton):
            trace = layer.own.diagonal(dim1=-2, dim2=-1).sum(-1)
            own = in_float64(trace * layer.input.square().sum(-1)).sum()
            traces[layer.layer] += own
            if batch.network.augmentation == "inc_skip":
                if layer.layer > 0:
                    # B_k = A_k - A_{k-1}: the block of A_{k-1} includes that of B_k.
                    traces[layer.layer - 1] += own
                if after is not None:
                    through = after.above.diagonal(dim1=-2, dim2=-1).sum(-1)
                    cross = through * (layer.input * after.input).sum(-1)
                    cross = cross + (after.gradient * after.slope * layer.input).sum(-1)
                    traces[layer.layer] -= 2.0 * in_float64(cross).sum()
            after = layer
        return traces

    def block_hessians(self, batch: Batch, gauss_newton: bool = False) -> Iterator[BlockHessian]:
        """The diagonal blocks, from the last layer to the first.

        One product (d^2, N)(N, d^2) per layer, two for `inc_skip`.
        """
        after: LayerCurvature | None = None
        above: Tensor | None = None
        for layer in _layer_curvatures(batch, gauss_newton):
            own = _dense(layer)
            block = own
            if batch.network.augmentation == "inc_skip" and after is not None and above is not None:
                between = _between(layer, after)
                block = own + above - between - between.mT
            yield block
            after, above = layer, own
