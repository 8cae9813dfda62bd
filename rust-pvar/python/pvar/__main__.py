"""``python -m pvar FILE --p 2``: the p-variation of a path in a .npy, .csv or .txt file."""

import argparse
import json
import sys
from pathlib import Path

import pvar
from pvar._files import read


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pvar", description=__doc__)
    parser.add_argument(
        "file",
        type=Path,
        help=".npy, .csv or .txt: a point a row, perhaps a header",
    )
    parser.add_argument("--p", type=float, nargs="+", default=[2.0], help="exponents (default 2)")
    parser.add_argument("--metric", default="euclidean", help="euclidean, manhattan or chebyshev")
    parser.add_argument("--partition", action="store_true", help="print a maximising partition too")
    parser.add_argument("--critical", action="store_true", help="estimate the critical exponent")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 if all went well, 1 with one line on stderr if not."""
    options = _parser().parse_args(arguments)
    try:
        points = read(options.file)
        path = pvar.Path(points, metric=options.metric)
        rows = []
        for p in options.p:
            norm, partition = path.p_variation_norm(p, return_partition=True)
            rows.append({"p": p, "value": path.p_variation(p), "norm": norm})
            if options.partition:
                rows[-1]["partition"] = partition.tolist()
        answer: dict[str, object] = {"shape": path.shape, "results": rows}
        if options.critical:
            estimate = pvar.critical_exponent(points)
            answer["critical_exponent"] = estimate._asdict()
    except (OSError, TypeError, ValueError) as error:
        print(f"error: {error}".splitlines()[0], file=sys.stderr)
        return 1
    _show(answer, options.json)
    return 0


def _show(answer: dict[str, object], as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer))
        return
    rows = answer["results"]
    assert isinstance(rows, list)
    for row in rows:
        print(f"p = {row['p']:g}  norm = {row['norm']!r}  value = {row['value']!r}")
        if "partition" in row:
            print("  partition:", *row["partition"])
    if "critical_exponent" in answer:
        estimate = answer["critical_exponent"]
        assert isinstance(estimate, dict)
        print(
            f"critical exponent = {estimate['exponent']:.4g}"
            f" +- {estimate['standard_error']:.2g} ({estimate['lags']} lags)"
        )


if __name__ == "__main__":
    sys.exit(main())
