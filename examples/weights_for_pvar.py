"""Write trained weights as paths for `benchmarks/bench_pvar.py --weights`.

    python examples/weights_for_pvar.py [--depths 1000 10000] [--epochs 400] [--out weights]

Trains each depth on the embedded digits. Writes the path k -> L^beta A_k at the beginning, in the
middle and at the end of training to L<depth>-<when>.npy, shape (L, d * d).
"""

import argparse
from pathlib import Path

import numpy as np

import resdepth
from resdepth.mathematics.pvariation import weight_path
from resdepth.training.networks import initial_network


def train(options: resdepth.TrainOptions, folder: Path) -> resdepth.Run:
    """The run of one depth, resumed if it is not finished."""
    exists = (folder / "manifest.json").exists()
    return resdepth.train(options, out=folder, resume=exists)


def main() -> None:
    """Train, then save three paths per depth."""
    parser = argparse.ArgumentParser(description="Trained weights as paths.")
    parser.add_argument("--depths", nargs="+", type=int, default=[1000, 10000])
    parser.add_argument("--epochs", type=int, default=400, help="full-batch steps")
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder to write into")
    arguments = parser.parse_args()

    middle = arguments.epochs // 2
    for depth in arguments.depths:
        options = resdepth.TrainOptions(
            depth=depth, seed=1, epochs=arguments.epochs, checkpoint_every=middle, p_var_every=0
        )
        run = train(options, arguments.out / "runs" / f"L{depth}")
        print(f"L = {depth}: training accuracy {run.manifest.final['accuracy']:.3f}", flush=True)
        train_set, _ = resdepth.load_data(options)
        drawn = (options.network, options.init, options.data, options.seed)
        blocks = initial_network(*drawn, train_set).blocks
        start = weight_path(blocks.double().numpy(), options.beta)
        paths = {
            "beginning": start,
            "middle": resdepth.weight_path(run, step=middle),
            "end": resdepth.weight_path(run),
        }
        for when, path in paths.items():
            file = arguments.out / f"L{depth}-{when}.npy"
            np.save(file, path)
            print(file)


if __name__ == "__main__":
    main()
