"""Derivatives by hand in torch operations: every device, every option.

With G_{k+1} the adjoint of h_{k+1} and B_k the matrix of the layer (A_k, or A_k - A_{k-1}); e = 1,
or 0 for `none`, and c = delta_L for `skip`, else 1:

    weights inside   z_k = h_k B_k^T,  h_{k+1} = e h_k + c sigma(z_k)
                     U_k = c G_{k+1} * sigma'(z_k),  dL/dB_k = U_k^T h_k,  G_k = e G_{k+1} + U_k B_k
    weights outside  s_k = sigma(h_k),  h_{k+1} = h_k + s_k B_k^T
                     W_k = G_{k+1} B_k,  dL/dB_k = G_{k+1}^T s_k,  G_k = G_{k+1} + W_k * sigma'(h_k)

Second derivatives: a dot is the derivative along a direction V of the weights, dB = D V its layers'
matrices (R-operator: Pearlmutter, Neural Computation 6, 1994):

    weights inside   dz_k = dh_k B_k^T + h_k dB_k^T,   dh_{k+1} = e dh_k + c sigma'(z_k) * dz_k
                     dU_k = c (dG_{k+1} * sigma'(z_k) + G_{k+1} * sigma''(z_k) * dz_k)
                     (HV)_k = dU_k^T h_k + U_k^T dh_k,  dG_k = e dG_{k+1} + dU_k B_k + U_k dB_k
    weights outside  ds_k = sigma'(h_k) * dh_k,  dh_{k+1} = dh_k + ds_k B_k^T + s_k dB_k^T
                     (HV)_k = dG_{k+1}^T s_k + G_{k+1}^T ds_k,  dW_k = dG_{k+1} B_k + G_{k+1} dB_k
                     dG_k = dG_{k+1} + dW_k * sigma'(h_k) + W_k * sigma''(h_k) * dh_k

The Gauss-Newton product is the same without every term that has G, U or W undotted.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from resdepth.arrays import BlockHessian, Directions, Hidden, Prediction, Traces
from resdepth.engine.contract import Batch, Curvature, Engine, Evaluation, Request, check_single
from resdepth.engine.loss import in_float64
from resdepth.engine.network import Network, increments, of_increments
from resdepth.mathematics.activation import ACTIVATIONS


class Layer(NamedTuple):
    """What second derivatives need of a layer: matrix, left operand, sigma' and sigma''."""

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


def _factors(network: Network) -> tuple[bool, float, float]:
    """Whether the weights are inside the activation, e and c."""
    kind = network.augmentation
    factor = network.delta if kind == "skip" else 1.0
    return kind in ("skip", "none"), 0.0 if kind == "none" else 1.0, factor


def _forward(
    network: Network, h0: Hidden
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, Hidden]]:
    """Of each layer: B_k, its left operand, sigma's argument and value, h_{k+1}."""
    sigma = ACTIVATIONS[network.activation].value
    inside, *_ = _factors(network)
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
        yield matrix, before if inside else value, argument, value, h


def _layers(batch: Batch, gauss_newton: bool) -> tuple[list[Layer], Hidden, Hidden]:
    """The layers, h_L, and G_L of the mean loss.

    G_L is 0 for the Gauss-Newton matrix, whose sweep has no term in G.
    """
    sigma = ACTIVATIONS[batch.network.activation]
    layers, h = list[Layer](), batch.h0
    for matrix, left, z, value, h in _forward(batch.network, batch.h0):  # noqa: B007
        slope, bend = sigma.derivative(z, value), sigma.second_derivative(z, value)
        layers.append(Layer(matrix, left, slope, bend))
    g = batch.adjoint(batch.gradient_of_samples(h @ batch.network.readout.mT))
    return layers, h, torch.zeros_like(g) if gauss_newton else g


def _curved(batch: Batch, h: Hidden, tangent: Tensor) -> Tensor:
    """Hessian of the mean loss in h_L times a tangent (..., N, d) of h_L."""
    readout, curvature = batch.network.readout.mT, batch.network.loss.curvature_of_samples
    return batch.adjoint(curvature(h @ readout, batch.targets, tangent @ readout))


def _layer_curvatures(batch: Batch, gauss_newton: bool) -> Iterator[LayerCurvature]:
    """The layers' own curvature, from the last layer to the first.

    S_k, the Hessian of a sample's part of the loss in h_k (d, d), is propagated from the last
    layer: two products of (d, d) matrices per sample and layer.
    """
    network = batch.network
    check_single(network)
    inside, keep, factor = _factors(network)
    layers, h, g = _layers(batch, gauss_newton)
    identity = torch.eye(network.width, dtype=h.dtype, device=h.device)
    s = _curved(batch, h, identity[:, None, :].expand(-1, len(h), -1)).transpose(0, 1)
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


def _dense(matrices: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """The sum over samples of matrices (x) left right^T, (d, d, d, d): entry (a, i, b, j)."""
    squares = (left[:, :, None] * right[:, None, :]).flatten(1)
    product = matrices.reshape(len(left), -1).T @ squares
    return product.view((left.shape[1],) * 4).transpose(1, 2).contiguous()


class EagerEngine(Curvature):
    """The engine of every device; one torch operation after another."""

    name = "eager"

    def predict(self, network: Network, h0: Hidden) -> Prediction:
        h = h0
        for *_, h in _forward(network, h0):  # noqa: B007
            pass
        return h @ network.readout.mT

    def loss_and_gradient(self, batch: Batch) -> Evaluation:
        """Keeps the left operand of each product and sigma': 2 N d L numbers."""
        network, h = batch.network, batch.h0
        inside, keep, factor = _factors(network)
        derivative = ACTIVATIONS[network.activation].derivative
        kept = []
        for matrix, left, z, value, h in _forward(network, batch.h0):  # noqa: B007
            kept.append((matrix, left, derivative(z, value)))
        prediction = h @ network.readout.mT
        of_samples = batch.gradient_of_samples(prediction)
        g = batch.adjoint(of_samples)
        gradient = torch.empty_like(network.blocks)
        for k in reversed(range(network.depth)):
            matrix, left, slope = kept.pop()
            u = factor * g * slope if inside else g
            gradient[..., k, :, :] = u.mT @ left
            through = u @ matrix if inside else (u @ matrix) * slope
            g = g + through if keep else through
        gradient = of_increments(network, gradient)
        return Evaluation(*batch.summary(prediction, of_samples), gradient)

    def hvp(self, batch: Batch, directions: Directions, gauss_newton: bool = False) -> Directions:
        """The Hessian, or the Gauss-Newton matrix, times each direction; keeps (2 R + 3) N d L."""
        network = batch.network
        check_single(network, directions)
        inside, keep, factor = _factors(network)
        matrices = increments(network, directions)
        layers, h, g = _layers(batch, gauss_newton)
        # Tangents of each layer's left operand and of sigma's argument, (R, N, d).
        tangents, dh = [], h.new_zeros(len(directions), *h.shape)
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
        dg = _curved(batch, h, dh)
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
        entries = batch.network.width**2
        before: tuple[LayerCurvature, Tensor] | None = None
        for layer in _layer_curvatures(batch, gauss_newton):
            block = own = _dense(layer.own, layer.input, layer.input).view(entries, entries)
            if batch.network.augmentation == "inc_skip" and before is not None:
                after, above = before
                between = _dense(after.above, after.input, layer.input)
                # Entry (a, b) of B_{k+1} multiplies the output of row b of B_k.
                link = torch.einsum("na,nb,nj->abj", after.gradient, after.slope, layer.input)
                between.diagonal(dim1=1, dim2=2).add_(link.transpose(1, 2))
                between = between.view(entries, entries)
                block = own + above - between - between.mT
            yield block
            before = layer, own


def create(request: Request) -> Engine:
    """The engine; it has no state."""
    return EagerEngine()
