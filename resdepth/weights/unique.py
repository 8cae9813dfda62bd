"""JSON whose objects name every key once: where one stands twice, readers differ on what counts."""

import json
from typing import Any

from resdepth.weights.loading import NotLoaded


def unique_json(text: bytes, what: str) -> Any:
    """The value of `text`; NotLoaded, of `what`, where it is no JSON or names a key twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in found if names.count(name) > 1)
            raise NotLoaded(f"{what} names '{twice}' twice")
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except NotLoaded:
        raise
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0][:80] or type(error).__name__
        raise NotLoaded(f"{what} is no JSON ({reason})") from None
