"""Images a second of `resnet-cifar` against the plain loop, in one run.

    python benchmarks/bench_resnet.py [--depth 56] [--threads 2] [--steps 2] [--rounds 3]

The plain loop: torch's modules in float32, a DataLoader with two worker processes that crop and
normalise one PIL image at a time, torch.optim.SGD, and loss and Omega fetched by .item() at each
step. Ours crops whole batches on the device, in both precisions and memory formats; the row that
`resnet-cifar` itself would take is marked. Images are random.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from common import append, interleaved
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from resdepth.data.dataset import Pixels
from resdepth.engine.classifier import Descent
from resdepth.engine.formats import Format, candidates, fastest
from resdepth.engine.kernels.registry import resolve_device
from resdepth.engine.resnet import ResNet, blocks_per_stage, initialise
from resdepth.options.resnet_cifar import ResnetCifarOptions
from resdepth.training.convolutional import Convolutional

sys.path.append(str(Path(__file__).parent.parent))
from tests.support.plain_resnet import Plain

CLASSES = tuple(str(k) for k in range(10))
ALPHA = 0.75
WORKERS = 2


class Pictures(Dataset[tuple[Tensor, int]]):
    """PIL images under torchvision's transforms, as its CIFAR10 gives them."""

    def __init__(self, pixels: Pixels) -> None:
        self.images = pixels.images.permute(0, 2, 3, 1).cpu().numpy()
        self.labels = pixels.labels.tolist()
        half = (0.5,) * 3
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.ToTensor(),
                transforms.Normalize(half, half),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image: Tensor = self.transform(Image.fromarray(self.images[index]))
        return image, self.labels[index]


def plain_loop(
    pixels: Pixels, depth: int, batch: int, rate: float, device: torch.device
) -> Iterator[float]:
    """One step each time it is asked, for ever; yields the loss."""
    model = Plain(blocks_per_stage(depth), ALPHA, len(CLASSES), 3).to(device)
    sgd = torch.optim.SGD(model.parameters(), lr=rate)
    loader = DataLoader(
        Pictures(pixels),
        batch,
        shuffle=True,
        num_workers=WORKERS,
        drop_last=True,
        persistent_workers=True,
        pin_memory=device.type == "cuda",
    )
    while True:
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            logits = model(images)
            loss = nn.functional.cross_entropy(logits, labels)
            onehot = nn.functional.one_hot(labels, len(CLASSES))
            omega = (logits.detach().softmax(1) - onehot).square().sum(1).mean()
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            omega.item()
            yield loss.item()


def our_loop(
    pixels: Pixels, depth: int, batch: int, rate: float,
    device: torch.device, format: Format,
) -> Iterator[float]:  # fmt: skip
    """One step each time it is asked, for ever; yields the loss, read as `resnet-cifar` does."""
    options = ResnetCifarOptions(depth=depth, batch_size=batch, lr=rate, epochs=10**6)
    network = ResNet(depth, ALPHA, len(CLASSES))
    initialise(network, np.random.default_rng(0))
    descent = Descent(network.to(device), 0.0, 0.0, bf16=format.bf16)
    run = Convolutional(options, 1, print, device, pixels, pixels, descent, format, "")
    for number in range(run.steps):
        measured = run.step(*run.batch(number), rate)
        # A device that runs ahead is looked at now and then alone.
        yield float("nan") if device.type == "cuda" else float(measured[0])


def chunk(loop: Iterator[float], steps: int, device: torch.device) -> Callable[[], None]:
    """A function that does `steps` steps to their end."""

    def run() -> None:
        for _ in range(steps):
            next(loop)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return run


def main() -> None:
    """Measure, print and append to bench_resnet.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=int, default=56)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2, help="steps timed together")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device = resolve_device(given.device)
    # Whole batches alone, so that every step does the same work.
    shape = (50 * given.batch_size, 3, 32, 32)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, 10, shape[:1], generator=generator)
    pixels = Pixels(images.to(device), labels.to(device), CLASSES)
    rest = (pixels, given.depth, given.batch_size, 0.1, device)
    formats = [Format(bf16, last) for bf16 in (False, True) for last in (False, True)]
    loops = {"plain": plain_loop(*rest)} | {str(f): our_loop(*rest, f) for f in formats}
    chunks = {name: chunk(loop, given.steps, device) for name, loop in loops.items()}
    times = interleaved(chunks, rounds=given.rounds, seconds=600.0)
    taken = str(fastest({format: times[str(format)] for format in candidates(device)}))
    rows = []
    for name, seconds in times.items():
        speed = given.steps * given.batch_size / seconds
        ratio = times["plain"] / seconds
        mark = " <- taken" if name == taken else ""
        print(f"L={given.depth} {name:24} {speed:8.1f} images/s {ratio:6.2f}x plain{mark}")
        rows.append(
            {
                "depth": given.depth, "implementation": name, "device": device.type,
                "threads": given.threads, "images_per_second": f"{speed:.4g}",
                "ratio": f"{ratio:.4g}", "torch": torch.__version__,
            }
        )  # fmt: skip
    print(append("bench_resnet", rows))


if __name__ == "__main__":
    main()
