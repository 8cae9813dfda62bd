"""``python -m pvar FILE --p 2``: the p-variation of a path in a .npy, .csv or .txt file."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

import pvar


def _load(file: Path) -> npt.NDArray[np.float64]:
    if not file.exists():
        raise ValueError(f"{file}: no such file")
    if file.suffix == ".npy":
        array: npt.NDArray[np.float64] = np.load(file, allow_pickle=False)
        return array
    if file.suffix not in (".csv", ".txt"):
        raise ValueError(f"{file}: the suffix must be .npy, .csv or .txt")
    delimiter = "," if file.suffix == ".csv" else None
    with file.open() as lines:
        header = next(lines, "").replace(delimiter or " ", " ").split()
    try:
        list(map(float, header))
        skip = 0
    except ValueError:
        skip = 1
    return np.loadtxt(file, delimiter=delimiter, skiprows=skip, ndmin=2, dtype=np.float64)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pvar", description=__doc__)
    parser.add_argument("file", type=Path, help="a point a row; a header line in text is skipped")
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
        path = pvar.Path(_load(options.file), metric=options.metric)
        rows = []
        for p in options.p:
            norm, partition = path.p_variation_norm(p, return_partition=True)
            rows.append({"p": p, "value": path.p_variation(p), "norm": norm})
            if options.partition:
                rows[-1]["partition"] = partition.tolist()
        answer: dict[str, object] = {"shape": path.shape, "results": rows}
        if options.critical:
            estimate = pvar.critical_exponent(_load(options.file))
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
