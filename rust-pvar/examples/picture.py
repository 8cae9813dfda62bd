"""Draw ``docs/partition.svg``: maximising partitions of one Brownian path for three exponents."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pvar

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "pvar"

path = np.random.default_rng(5).standard_normal(200).cumsum()
figure, axes = plt.subplots(3, 1, figsize=(7, 6), sharex=True, layout="constrained")
for axis, p in zip(axes, [1.3, 2.0, 4.0], strict=True):
    norm, partition = pvar.p_variation_norm(path, p, return_partition=True)
    axis.plot(path, color="0.7", linewidth=0.8)
    axis.plot(partition, path[partition], "o-", color="C0", markersize=2.5, linewidth=1)
    axis.set_title(f"p = {p:g}: norm {norm:.4g}, {len(partition)} points", fontsize=10)
axes[-1].set_xlabel("index")
figure.savefig(Path(__file__).parent.parent / "docs" / "partition.svg", metadata={"Date": None})
