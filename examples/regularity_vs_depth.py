"""Does the p-variation norm of the trained weights stay bounded as the depth L grows?

    python examples/regularity_vs_depth.py [--depths 16 32 64 128] [--seeds 3] [--out regularity]

Trains every depth with every seed to the same loss at the default rate, which grows with the depth
like L^(2 alpha - 1). With one rate and one number of epochs, deep networks would be trained less.
Prints the p-variation norm of k -> L^beta A_k for several p with the power of L that it grows like,
and draws the norms of the layers. Existing runs are used again.
"""

import argparse
import sys
from pathlib import Path

import resdepth
from resdepth.analysis.path_tables import norm_table, variation_table
from resdepth.figures.path_plots import draw_norms
from resdepth.figures.style import save
from resdepth.mathematics.slopes import PowerLaw
from resdepth.records import write_numbers
from resdepth.runs.provenance import provenance
from resdepth.weights.read import read_models

EXPONENTS = (1.0, 1.5, 2.0, 3.0)


def trained(depth: int, seed: int, arguments: argparse.Namespace) -> resdepth.Run:
    """The run of one depth and seed, trained if it is not finished."""
    options = resdepth.TrainOptions(
        depth=depth,
        seed=seed,
        stop_loss=arguments.loss,
        epochs=arguments.epochs,
        p_var_every=0,
    )
    folder = arguments.out / "runs" / f"seed{seed}" / f"L{depth}"
    exists = (folder / "manifest.json").exists()
    return resdepth.train(options, out=folder, resume=exists)


def verdict(growth: PowerLaw) -> str:
    """A sentence about the exponent at these depths."""
    exponent = growth.exponent
    if not growth.local:
        return "no depths to compare"
    shown = f"scales like L^{exponent.value:.3f}"
    if not exponent.known:
        return shown
    answer = "grows" if exponent.low > 0 else "decreases" if exponent.high < 0 else "no growth seen"
    bends = ", but it bends" if growth.bends else ""
    return f"{shown}, 95 % interval {exponent.low:.3f} to {exponent.high:.3f}: {answer}{bends}"


def main() -> None:
    """Train, tabulate, draw."""
    parser = argparse.ArgumentParser(description="p-variation of trained weights against depth.")
    parser.add_argument("--depths", nargs="+", type=int, default=[16, 32, 64, 128])
    parser.add_argument("--seeds", type=int, default=3, help="repetitions of each depth")
    parser.add_argument("--loss", type=float, default=1.0, help="training loss to stop at")
    parser.add_argument("--epochs", type=int, default=2000, help="largest number of epochs")
    parser.add_argument("--out", type=Path, default=Path("regularity"), help="folder to write into")
    arguments = parser.parse_args()

    for depth in arguments.depths:
        for seed in range(arguments.seeds):
            run = trained(depth, seed, arguments)
            loss = run.manifest.final["loss"]
            caution = "" if loss <= arguments.loss else ", not comparable: --loss was not reached"
            print(f"L = {depth}, seed {seed}: loss {loss:.4f}{caution}", flush=True)

    models = read_models([arguments.out / "runs"])
    beta = resdepth.TrainOptions().beta
    variations = variation_table(models, beta, EXPONENTS)
    for number, p in enumerate(EXPONENTS):
        print(f"\np = {p:g}: {verdict(variations.growth[number])}")
        for row in variations.rows:
            mean, deviation = row.norm.mean[number], row.norm.deviation[number]
            print(f"  L = {row.depth:5d}  {mean:9.4f} ± {deviation:.4f}")

    figure = arguments.out / "norms.pdf"
    read = [file for row in variations.rows for file in row.files]
    origin = provenance(sys.argv, vars(arguments), read)
    numbers = write_numbers(arguments.out / "variation.json", variations, origin)
    save(draw_norms(norm_table(models, beta)), figure, origin)
    print(f"\n{figure}\n{numbers}")


if __name__ == "__main__":
    main()
