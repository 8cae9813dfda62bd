"""What the server imports before it forks; it must start no thread and compute nothing."""

import resdepth.cli.app
import resdepth.cli.export
import resdepth.cli.progress
import resdepth.cli.train
import resdepth.experiment.export
import resdepth.experiment.train  # noqa: F401
