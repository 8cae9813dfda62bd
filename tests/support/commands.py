"""Every command that computes, small, about a run `run` and a surface `a.npy`."""

SPECTRUM = ("--threads=1", "--device=cpu", "--top=1", "--subset=20")
GRID = ("--threads=1", "--device=cpu", "--steps=3", "--subset=20")
COMMANDS: dict[str, tuple[str, ...]] = {
    "curvefit": ("curvefit", "run"),
    "norm": ("paths", "norm", "run", "--pvar=2"),
    "weights": ("paths", "weights", "run"),
    "profile": ("paths", "profile", "run"),
    "scaling": ("paths", "scaling", "run"),
    "vis": ("landscape", "vis", "a.npy"),
    "trajectory": ("landscape", "trajectory", "run", *GRID),
    "spectrum": ("spectrum", "run", *SPECTRUM),
    "report": ("study", "report", "run"),
}
OTHERS: dict[str, tuple[str, ...]] = {
    "render": ("landscape", "render", "run", *GRID),
    "export": ("export", "run"),
    "train": ("train", "--depth=2", "--width=2", "--epochs=1", "--threads=1"),
    "study": ("study", "run", "--depth=2", "--seed=0", "--lr=1"),
}
SUFFIXES = {"report": ".html", "render": ".npy", "export": "", "train": "", "study": ""}
