"""Tables of other programs as sources of `transfer`, and runs kept apart by their options."""

import json
import math
from pathlib import Path

import pytest

import resdepth
from resdepth.analysis.rate_tables import rate_rows, sentences, transfer, transfer_numbers
from resdepth.errors import Corrupt, ResdepthError, Usage
from resdepth.records import as_json


def bowl(depth: int, lr: float, seed: int, power: float = 0.0) -> float:
    return 1 + 0.1 * (math.log2(lr) - 2.3 - power * math.log2(depth)) ** 2 + 0.01 * seed


def table(path: Path, head: str = "depth,lr,seed,loss", power: float = 0.0, more: str = "") -> Path:
    lines = [
        f"{depth},{lr},{seed},{bowl(depth, lr, seed, power)}"
        for depth in (4, 8, 16, 32)
        for lr in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256)
        for seed in range(3)
    ]
    path.write_text("\n".join([head, *lines]) + "\n" + more)
    return path


@pytest.mark.parametrize(("power", "verdict"), [(0.0, "transfers"), (1.0, "drifts")])
def test_a_table_of_another_program(tmp_path: Path, power: float, verdict: str) -> None:
    (found,) = transfer(table(tmp_path / "a.csv", power=power))
    assert found.found.verdict == verdict
    assert found.found.exponent.value == pytest.approx(power, abs=0.01)
    (numbers,) = json.loads(as_json(transfer_numbers([found])))["experiments"]
    assert set(numbers) == {
        *("options", "criterion", "verdict", "sentence"),
        *("exponent", "stable_exponent", "theory", "depths"),
    }
    assert set(numbers["depths"][0]) == {
        *("depth", "best", "censored", "stable", "loss", "transferred_loss", "spread")
    }
    assert len(rate_rows(found)) == 5 and sentences(found)[0].startswith(verdict)


@pytest.mark.filterwarnings("ignore:.*ignored columns")
def test_a_runs_table_of_wandb_and_its_groups(tmp_path: Path) -> None:
    lines = ['"Name","State","Notes","optimizer","n_layer","learning_rate","val/loss"']
    for optimizer, power in (("sgd", 0.0), ("adam", -0.5)):
        for depth in (4, 8, 16, 32):
            for lr in (0.25, 0.5, 1, 2, 4, 8, 16, 32):
                for seed in range(3):
                    loss = bowl(depth, lr, seed, power)
                    lines.append(f'"run","finished","-","{optimizer}",{depth},{lr},{loss}')
        lines.append(f'"run","crashed","-","{optimizer}",4,1,""')
        lines.append(f'"run","finished","-","{optimizer}",4,64,"NaN"')
    (tmp_path / "w.csv").write_text("\n".join(lines))
    names = {"depth": "n_layer", "lr": "learning_rate", "loss": "val/loss"}
    with pytest.warns(UserWarning, match="1 rows without depth, rate or loss"):
        found = transfer(tmp_path / "w.csv", columns=names, group_by=["optimizer"])
    assert {one.label: one.found.verdict for one in found} == {
        "optimizer adam": "drifts",
        "optimizer sgd": "transfers",
    }
    # Rows without a seed are repetitions.
    assert len(found[0].found.depths[0].curve.seeds) == 3
    with pytest.warns(UserWarning, match="ignored columns: Name, State, Notes"):
        transfer(tmp_path / "w.csv", columns=names, group_by=["optimizer"])


@pytest.mark.parametrize(
    ("head", "more", "said"),
    [
        ("layers,lr,seed,loss", "", "has no column 'depth'"),
        ("depth,lr,seed,loss", "8,auto,0,1.0\n", "row 134: lr is 'auto', not a number"),
        ("depth,lr,seed,loss", "8,-1,0,1.0\n", "row 134: lr is -1, not a positive rate"),
        ("depth,lr,seed,loss", "2.5,1,0,1.0\n", "row 134: depth is 2.5, not a depth"),
        ("depth,lr,seed,loss", "4,0.25,0,9.9\n", "rows 2 and 134 have the same depth"),
    ],
)
def test_a_wrong_table_gets_one_clear_line(tmp_path: Path, head: str, more: str, said: str) -> None:
    with pytest.raises(ResdepthError) as raised:
        transfer(table(tmp_path / "a.csv", head, more=more))
    assert said in str(raised.value) and raised.value.remedy is not None


def test_empty_and_foreign_files(tmp_path: Path) -> None:
    for name, text in (("a.csv", ""), ("a.json", "[]"), ("b.json", "{"), ("c.json", "[1]")):
        (tmp_path / name).write_text(text)
        with pytest.raises(Corrupt):
            transfer(tmp_path / name)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(Usage):
        transfer(tmp_path / "a.txt")


def test_a_row_that_repeats_another_is_left_out(tmp_path: Path) -> None:
    again = f"4,0.25,0,{bowl(4, 0.25, 0)}\n"
    with pytest.warns(UserWarning, match="1 rows repeat others"):
        transfer(table(tmp_path / "a.csv", more=again))


def test_json_by_columns(tmp_path: Path) -> None:
    rows = [(d, lr, bowl(d, lr, 0)) for d in (4, 8) for lr in (1.0, 2.0, 4.0, 8.0, 16.0)]
    depth, lr, loss = map(list, zip(*rows, strict=True))
    (tmp_path / "a.json").write_text(json.dumps({"depth": depth, "lr": lr, "loss": loss}))
    (found,) = transfer(tmp_path / "a.json")
    assert [one.best.value for one in found.found.depths] == pytest.approx([2**2.3] * 2)


def test_the_rate_is_the_one_used_unless_base_rates_are_wanted(tmp_path: Path) -> None:
    small = {"width": 3, "epochs": 2, "threads": 1, "train_fraction": 0.05, "no_p_var": True}
    rule = {"lr_depth": 4, "lr_depth_exponent": 1.0, "alpha": 1.0}
    for depth in (4, 8):
        for lr in (1.0, 2.0):
            options = resdepth.TrainOptions(depth=depth, lr=lr, **small, **rule)
            resdepth.train(options, tmp_path / f"{depth}-{lr}")
    (used,), (base,) = transfer(tmp_path), transfer(tmp_path, base_rate=True)
    assert [list(one.curve.rates) for one in used.found.depths] == [[1, 2], [2, 4]]
    assert [list(one.curve.rates) for one in base.found.depths] == [[1, 2], [1, 2]]
    assert (used.theory, base.theory) == (1.0, 0.0)
