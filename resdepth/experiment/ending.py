"""What a run folder says when something ends a run from outside."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from resdepth.engine.threads import threads_put_back
from resdepth.errors import ResdepthError
from resdepth.runs.manifest import Manifest, write_manifest


@contextlib.contextmanager
def recorded(folder: Path, manifest: Callable[[], Manifest]) -> Iterator[None]:
    """Put `interrupted` or `failed` into the manifest of `folder`, and raise again what came.

    `manifest` gives the manifest as it stands when that happens. Torch's thread count, which a run
    sets for itself, is put back.
    """
    try:
        with threads_put_back():
            yield
    except KeyboardInterrupt:
        # A run that could still end in order has said so itself, with the signal.
        if manifest().outcome != "interrupted":
            write_manifest(folder, manifest().model_copy(update={"outcome": "interrupted"}))
        raise
    except Exception as error:
        update = {"outcome": "failed", "detail": {"error": str(error)}}
        # A disk that refused the run refuses its manifest too; the first error counts.
        with contextlib.suppress(ResdepthError):
            write_manifest(folder, manifest().model_copy(update=update))
        raise
