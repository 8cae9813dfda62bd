"""He's network against a composition of torch's own modules, forward and gradient, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resdepth.engine.classifier import Descent, Graphed, evaluate
from resdepth.engine.formats import bf16_is_fast
from resdepth.engine.resnet import ResNet, blocks_per_stage, initialise
from tests.support import fake_cuda
from tests.support.plain_resnet import Plain


def both(
    n: int, alpha: float, classes: int = 10, channels: int = 3, skip: bool = True
) -> tuple[ResNet, Plain]:
    """Our network and the plain one with the same random weights, both in float64."""
    ours = ResNet(6 * n + 2, alpha, classes, channels, skip=skip).double()
    initialise(ours, np.random.default_rng(n))
    plain = Plain(n, alpha, classes, channels, skip).double()
    layers = [ours.first, *(layer for b in ours.blocks for layer in (b.first, b.second))]
    generator = torch.Generator().manual_seed(n)
    with torch.no_grad():
        for layer, (conv, norm) in zip(layers, plain.pairs(), strict=True):
            for tensor in (layer.weight, layer.bias):
                tensor.add_(
                    0.3 * torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
                )
            conv.weight.copy_(layer.kernel)
            norm.weight.copy_(layer.weight)
            norm.bias.copy_(layer.bias)
        plain.linear.load_state_dict(ours.readout.state_dict())
    return ours, plain


def images(samples: int, channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (samples, channels, height, width)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


CASES = [(1, 0.0, 10, 3, 8, 8), (2, 0.75, 3, 1, 9, 13), (3, 1.0, 10, 3, 16, 16)]


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize(("n", "alpha", "classes", "channels", "height", "width"), CASES)
def test_forward_and_gradient(
    n: int, alpha: float, classes: int, channels: int, height: int, width: int, skip: bool
) -> None:
    ours, plain = both(n, alpha, classes, channels, skip)
    x, labels = images(5, channels, height, width), torch.arange(5) % classes
    logits = plain(x)
    torch.testing.assert_close(ours(x), logits, rtol=1e-10, atol=1e-12)
    nn.functional.cross_entropy(logits, labels).backward()
    _, gradient = Descent(ours, 0.0, 0.0, bf16=False).gradient(x, labels)
    expected = [
        part.grad.flatten()
        for conv, norm in plain.pairs()
        for part in (conv.weight, norm.weight, norm.bias)
    ]
    expected += [plain.linear.weight.grad.flatten(), plain.linear.bias.grad.flatten()]
    torch.testing.assert_close(gradient, torch.cat(expected), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("n", [1, 2])
def test_evaluation_folds_the_running_statistics(n: int, skip: bool) -> None:
    ours, plain = both(n, 0.75, skip=skip)
    for seed in range(3):
        x = images(6, 3, 8, 8, seed)
        ours(x), plain(x)
    ours.eval(), plain.eval()
    x = images(4, 3, 8, 8, 9)
    torch.testing.assert_close(ours(x), plain(x), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85)])
def test_parameters_as_published(depth: int, millions: float) -> None:
    count = sum(p.numel() for p in ResNet(depth, 0.75).parameters())
    assert round(count / 1e6, 2) == millions


@pytest.mark.parametrize("depth", [2, 7, 57, 100])
def test_wrong_depth(depth: int) -> None:
    with pytest.raises(ValueError, match="6n"):
        blocks_per_stage(depth)


def test_start_has_he_variance() -> None:
    network = ResNet(56, 0.75)
    initialise(network, np.random.default_rng(0))
    for block in network.blocks:
        kernel = block.second.kernel.detach()
        fan_in = kernel[0].numel()
        # The variance of m normal numbers is within 6 of its deviations sqrt(2 / m).
        share = float(kernel.double().square().mean()) * fan_in / 2.0
        assert abs(share - 1.0) < 6.0 * (2.0 / kernel.numel()) ** 0.5


@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.9, 0.0), (0.0, 0.01), (0.9, 0.01)])
def test_updates_as_torch_sgd(momentum: float, decay: float) -> None:
    ours, plain = both(1, 0.5)
    descent = Descent(ours, momentum, decay, bf16=False)
    sgd = torch.optim.SGD(plain.parameters(), lr=0.3, momentum=momentum, weight_decay=decay)
    for seed in range(4):
        x, labels = images(6, 3, 8, 8, seed), torch.tensor([0, 1, 2, 3, 4, 5])
        logits = plain(x)
        loss = nn.functional.cross_entropy(logits, labels)
        onehot = nn.functional.one_hot(labels, 10)
        omega = (logits.softmax(1) - onehot).square().sum(1).mean()
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        measured = descent(x, labels, 0.3)
        torch.testing.assert_close(measured[:2], torch.stack([loss, omega]).detach())
    torch.testing.assert_close(ours.first.kernel, plain.conv.weight, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(ours.readout.weight, plain.linear.weight, rtol=1e-7, atol=1e-9)


def test_memory_format_changes_nothing_but_rounding() -> None:
    ours, _ = both(2, 0.75)
    x, labels = images(6, 3, 12, 12), torch.arange(6)
    descent = Descent(ours, 0.0, 0.0, bf16=False)
    measured, gradient = descent.gradient(x, labels)
    last = descent.gradient(x.contiguous(memory_format=torch.channels_last), labels)
    torch.testing.assert_close(last[0], measured, rtol=1e-12, atol=0)
    torch.testing.assert_close(last[1], gradient, rtol=1e-8, atol=1e-11)


def test_nonfinite_loss_leaves_the_weights() -> None:
    ours, _ = both(1, 0.5)
    descent = Descent(ours, 0.9, 0.0, bf16=False)
    before = descent.weights.clone()
    measured = descent(torch.full((4, 3, 8, 8), torch.nan).double(), torch.arange(4), 0.1)
    assert not measured[0].isfinite()
    assert torch.equal(descent.weights, before)


def test_restore_gives_the_state_back() -> None:
    ours, _ = both(1, 0.5)
    descent = Descent(ours, 0.9, 0.0, bf16=False)
    x, labels = images(6, 3, 8, 8), torch.arange(6)
    descent(x, labels, 0.1)
    kept = {name: tensor.clone() for name, tensor in descent.state().items()}
    first = descent(x, labels, 0.1)
    descent.restore(kept)
    assert torch.equal(descent(x, labels, 0.1), first)
    assert any("variance" in name for name in kept)
    assert "velocity" in kept


def test_score_counts_the_best_two() -> None:
    ours, _ = both(1, 0.5, classes=4)
    descent = Descent(ours, 0.0, 0.0, bf16=False)
    x, labels = images(11, 3, 8, 8), torch.arange(11) % 3
    score = evaluate(descent, [(x[:7], labels[:7]), (x[7:], labels[7:])], 4)
    ours.eval()
    logits = ours(x).detach()
    ranks = (logits > logits.gather(1, labels[:, None])).sum(1)
    for hits, best in ((score.top1, 1), (score.top2, 2)):
        expected = torch.bincount(labels[ranks < best], minlength=4)
        assert torch.equal(hits, expected)
    assert score.images.tolist() == [4, 4, 3, 0]
    torch.testing.assert_close(
        score.loss, float(nn.functional.cross_entropy(logits, labels)), rtol=1e-9, atol=0
    )


@pytest.mark.skipif(not bf16_is_fast(torch.device("cpu")), reason="no bfloat16 instructions")
def test_bfloat16_stays_near() -> None:
    ours, plain = both(2, 0.75)
    ours, plain = ours.float(), plain.float()
    x, labels = images(32, 3, 16, 16).float(), torch.arange(32) % 10
    descent = Descent(ours, 0.0, 0.0, bf16=True)
    measured, gradient = descent.gradient(x, labels)
    assert gradient.dtype == torch.float32
    loss = nn.functional.cross_entropy(plain(x), labels)
    assert abs(float(measured[0]) - loss.item()) < 0.05 * loss.item()
    torch.testing.assert_close(ours.first.mean, plain.bn.running_mean, rtol=0.02, atol=0.01)


def check_graph(device: str, *, bf16: bool) -> None:
    """The captured step and the plain one on the same batches."""
    eager, captured = (
        Descent(both(2, 0.75)[0].float().to(device), 0.9, 0.01, bf16=bf16) for _ in range(2)
    )
    graphed = Graphed(captured, 8)
    for seed, samples in enumerate((8, 8, 5, 8)):
        x = images(samples, 3, 16, 16, seed).float().to(device)
        labels = torch.arange(samples, device=device)
        expected, measured = (step(x, labels, 0.1 + 0.1 * seed) for step in (eager, graphed))
        torch.testing.assert_close(measured, expected, rtol=1e-4, atol=1e-5)
    for name, tensor in captured.state().items():
        torch.testing.assert_close(tensor, eager.state()[name], rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device itself captures")
def test_a_played_graph_replays_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = fake_cuda.install(monkeypatch)
    check_graph("cpu", bf16=False)
    assert [graph.replays for graph in graphs] == [3]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("bf16", [False, True])
def test_a_graph_replays_the_step(bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    check_graph("cuda", bf16=bf16)
