"""Products of objectives with the second derivatives of their own mean loss."""

import numpy as np
import pytest
import torch
from torch.autograd.functional import hessian, jacobian
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from resdepth.engine.autograd import ReferenceEngine
from resdepth.engine.convolutional_objective import TOGETHER, ConvolutionalObjective
from resdepth.engine.kernels.eager import EagerEngine
from resdepth.engine.objective import DenseObjective
from resdepth.engine.resnet import ResNet, initialise
from resdepth.engine.vector import Layout, Part
from tests.support.networks import batch, network


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def curvature_of_sample(logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    return hessian(lambda y: cross_entropy(y, label), logits)


@pytest.mark.parametrize("gauss_newton", [False, True])
@pytest.mark.parametrize("augmentation", ["skip", "inc_skip"])
def test_dense_products_are_those_of_the_dense_matrix(augmentation, gauss_newton) -> None:
    net = network(depth=3, width=3, augmentation=augmentation)
    h0, targets = batch(net)

    def logits(vector):
        return ReferenceEngine().predict(net.with_blocks(vector.view_as(net.blocks)), h0)

    centre = net.blocks.flatten()
    if gauss_newton:
        slopes = jacobian(logits, centre)
        found = logits(centre)
        pairs = zip(found, targets, strict=True)
        inner = torch.stack([curvature_of_sample(row, label) for row, label in pairs])
        expected = torch.einsum("nci,ncd,ndj->ij", slopes, inner, slopes) / len(targets)
    else:
        expected = hessian(lambda vector: cross_entropy(logits(vector), targets), centre)
    objective = DenseObjective(EagerEngine(), net, h0, targets)
    directions = random(4, len(centre))
    products = objective.products(directions, gauss_newton)
    torch.testing.assert_close(products, directions @ expected, rtol=1e-12, atol=1e-14)


@pytest.fixture(scope="module")
def convolutional() -> ConvolutionalObjective:
    """A ResNet of depth 8 away from its start, on nine images in two batches."""
    net = ResNet(8, 0.5, classes=3)
    initialise(net, np.random.default_rng(1))
    net = net.double()
    with torch.no_grad():
        for number, parameter in enumerate(net.parameters()):
            parameter.add_(0.05 * random(*parameter.shape, seed=number))
    images = random(9, 3, 6, 6, seed=50)
    labels = torch.arange(9) % 3
    return ConvolutionalObjective(net, [(images[:5], labels[:5]), (images[5:], labels[5:])])


@pytest.mark.parametrize("gauss_newton", [False, True])
def test_convolutional_products_are_plain_double_backward(convolutional, gauss_newton) -> None:
    net = convolutional.network.eval()
    images, labels = (torch.cat(parts) for parts in zip(*convolutional.batches, strict=True))
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    directions = random(2, convolutional.layout.size, seed=9)

    def logits(values):
        return functional_call(net, values, (images,))

    expected = []
    for along in directions:
        tangent = convolutional.layout.named(along)
        if gauss_newton:
            out, moved = torch.func.jvp(logits, (parameters,), (tangent,))
            curved = torch.func.jvp(
                torch.func.grad(lambda y: cross_entropy(y, labels)), (out,), (moved,)
            )[1]
            (found,) = torch.func.vjp(logits, parameters)[1](curved)
        else:
            slope = torch.func.grad(lambda values: cross_entropy(logits(values), labels))
            found = torch.func.jvp(slope, (parameters,), (tangent,))[1]
        expected.append(convolutional.layout.vector(found))
    products = convolutional.products(directions, gauss_newton)
    torch.testing.assert_close(products, torch.stack(expected), rtol=1e-10, atol=1e-12)


def test_layers_are_matrices_of_a_stack_or_modules(convolutional) -> None:
    stack = Layout((Part("blocks", (3, 2, 2), stacked=1),))
    assert stack.layers() == {"0": slice(0, 4), "1": slice(4, 8), "2": slice(8, 12)}
    layers = convolutional.layout.layers()
    assert list(layers)[:3] == ["first", "blocks.0.first", "blocks.0.second"]
    assert len(layers) == 8 and layers["first"] == slice(0, 16 * 27 + 32)
    ends = [place.stop for place in layers.values()]
    assert [place.start for place in layers.values()] == [0, *ends[:-1]]
    assert ends[-1] == convolutional.layout.size


def test_convolutional_networks_in_one_call_are_those_one_by_one(
    convolutional, monkeypatch
) -> None:
    far = 0.05 * random(5, convolutional.layout.size, seed=70)
    vectors = convolutional.centre + far
    alone = convolutional.scores(vectors)
    monkeypatch.setitem(TOGETHER, "cpu", 5)
    assert convolutional.together == 5
    together = convolutional.scores(vectors)
    torch.testing.assert_close(together[:, 0], alone[:, 0], rtol=1e-12, atol=0)
    assert torch.equal(together[:, 1], alone[:, 1])
    assert len(set(alone[:, 0].tolist())) == 5
