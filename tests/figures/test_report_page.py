"""The report on a folder of runs: whole, offline, with the numbers of the analysis."""

import csv
import json
import re
import warnings
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import resdepth
from resdepth.analysis import path_tables
from resdepth.analysis.entries import entry_table
from resdepth.analysis.report import SEED_EXPONENTS, report_csv, report_numbers, report_on
from resdepth.analysis.scaling import model_scaling
from resdepth.analysis.study_runs import read_study
from resdepth.errors import Impossible
from resdepth.figures.page import WORDS, anchor
from resdepth.figures.path_plots import entries_drawn
from resdepth.figures.report_page import write_page
from resdepth.options.spectrum import SpectrumOptions
from resdepth.probing.hessian import write
from resdepth.records import write_numbers
from resdepth.runs.manifest import read_manifest, write_manifest
from resdepth.weights.read import read_models
from resdepth.weights.weight_path import WeightPath
from tests.support.browser import browser, needs_browser
from tests.support.messages import refused

DEPTHS, SEEDS, RATES = (4, 8, 16), (0, 1), (1.0, 2.0)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rates, three depths, two seeds; one cell diverged, one is not done. Never written to."""
    folder = tmp_path_factory.mktemp("study")
    small = {"width": 3, "epochs": 2, "threads": 1, "train_fraction": 0.05, "alpha": 0.5}
    for rate in RATES:
        for depth in DEPTHS:
            for seed in SEEDS:
                options = resdepth.TrainOptions(**small, lr=rate, depth=depth, seed=seed)
                resdepth.train(options, folder / f"cells/{rate}-{depth}-{seed}")
    for cell, outcome in (("1.0-4-0", "diverged"), ("2.0-8-1", "running")):
        run = folder / "cells" / cell
        write_manifest(run, read_manifest(run).model_copy(update={"outcome": outcome}))
    return folder


@pytest.fixture(scope="module")
def report(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page."""
    out = tmp_path_factory.mktemp("report") / "report.html"
    assert all(path.stat().st_size for path in written(study, out, spectra=True))
    return out


def written(folder: Path, out: Path, *, spectra: bool = False) -> list[Path]:
    """The page on a study with its numbers, as `study report` writes them."""
    study, files = read_study(folder), dict[Path, Path]()
    for row in (row for one in study.experiments for row in one.counted if spectra):
        options = SpectrumOptions(top=1, smallest=0, threads=1)
        files[row.run] = out.with_name(f"{row.run.name}.json")
        write(resdepth.open_run(row.run), options, files[row.run])
    report = report_on(study, files)
    numbers = write_numbers(out.with_suffix(".json"), report_numbers(report))
    out.with_suffix(".csv").write_text(report_csv(report))
    return [*write_page(report, out), numbers, *files.values()]


class Outside(HTMLParser):
    """Gathers what a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.alone = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "srcset", "href") and not (value or "").startswith("#"):
                self.alone += (value or "").startswith("data:")
                self.found += [] if (value or "").startswith("data:") else [f"{tag} {value}"]
        self.found += [tag] if tag in ("script", "iframe", "object") else []


@pytest.mark.long
def test_the_page_needs_nothing_else(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    parser = Outside()
    parser.feed(text)
    assert parser.found == [] and "url(" not in text and "@import" not in text
    # The icon, and two widths of a figure of the rates and of nine for each of two rates.
    assert parser.alone == 1 + 2 * (1 + 2 * 9)


@pytest.mark.long
@needs_browser
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_it_whole(report: Path, tmp_path: Path, width: int) -> None:
    with browser(tmp_path) as opened:
        found = opened.look(report, width)
    assert found.complaints == []
    assert [url for url in found.requests if not url.startswith("data:")] == [report.as_uri()]
    assert len(found.pictures) == 1 + 2 * 9
    assert all(drawn and shown > 200 for drawn, shown in found.pictures)
    # No text or figure is wider than the window; tables scroll by themselves.
    assert found.window == width and found.page <= width
    assert found.dangling == []


def test_every_word_has_a_place_of_its_own(report: Path) -> None:
    text = report.read_text()
    assert len({anchor(word) for word in WORDS}) == len(WORDS)
    assert all(text.count(f'id="{anchor(word)}"') == 1 for word in WORDS)
    # Exponents and statistics lead to what they are.
    used = set(re.findall(r'href="#([^"]+)"', text))
    assert {anchor(word) for word in ("q1", "RMS", "undecided", "rho", "tr H", "used")} <= used


def test_numbers_are_those_of_the_analysis(study: Path, report: Path) -> None:
    numbers = json.loads(report.with_suffix(".json").read_text())
    assert [one["label"] for one in numbers["experiments"]] == ["--lr 1.0", "--lr 2.0"]
    runs = [p for p in (study / "cells").iterdir() if p.name[:3] == "2.0" and p.name != "2.0-8-1"]
    expected = model_scaling(read_models(runs), 0.5)
    found = numbers["experiments"][1]["scaling"]
    assert found["exponents"]["q1"]["value"] == expected.exponents.intervals["q1"].value
    assert f"{expected.verdict.limit}: " in report.read_text()
    assert [curve["rates"] for curve in numbers["rates"]] == [[1.0, 2.0]] * 3
    second = numbers["experiments"][1]
    assert [row["depth"] for row in second["omega"]] == list(DEPTHS)
    assert [row["depth"] for row in second["doubling"]["rows"]] == [4, 8]
    assert [row["counted"] for row in second["depths"]] == [2, 1, 2]
    assert len(second["curvature"]["rows"]) == 5


def test_cells_that_do_not_count_are_named(report: Path) -> None:
    text = report.read_text()
    assert re.search(r'cells/1.0-4-0</td><td class="words">diverged after 2 steps', text)
    assert re.search(r'cells/2.0-8-1</td><td class="words">has not ended', text)
    assert "1 of 6 cells are excluded" in text


def test_every_cell_is_a_line_of_the_table(report: Path) -> None:
    rows = list(csv.DictReader(report.with_suffix(".csv").open()))
    assert len(rows) == 12
    assert [row["why"] != "" for row in rows] == [row["RMS"] == "" for row in rows]
    assert sum(row["why"] != "" for row in rows) == 2


def test_a_line_of_the_table_has_the_exponents_of_its_seed(study: Path, report: Path) -> None:
    rows = list(csv.DictReader(report.with_suffix(".csv").open()))
    second = read_study(study).experiments[1]
    seeds = model_scaling(second.models, 0.5).verdict.by_seed
    for row in (row for row in rows if row["lr"] == "2.0" and not row["why"]):
        for name in SEED_EXPONENTS:
            value = seeds[int(row["seed"])].exponents[name].value
            shown = row[f"seed_{name}"]
            assert shown == "" if np.isnan(value) else float(shown) == pytest.approx(value)


@pytest.mark.long
def test_the_same_runs_give_the_same_page(study: Path, report: Path, tmp_path: Path) -> None:
    written(study, tmp_path / "report.html", spectra=True)
    assert (tmp_path / "report.html").read_bytes() == report.read_bytes()


def test_a_study_without_answers_is_reported_on(tmp_path: Path) -> None:
    options = resdepth.TrainOptions(depth=3, width=2, epochs=1, threads=1, train_fraction=0.05)
    run = tmp_path / "a"
    resdepth.train(options, run)
    write_manifest(run, read_manifest(run).model_copy(update={"outcome": "interrupted"}))
    written(tmp_path, tmp_path / "out.html")
    assert "no answer yet" in (tmp_path / "out.html").read_text()


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with refused(Impossible, match="no run in or under it"):
        read_study(tmp_path)


def test_a_loss_that_was_missed_is_told(tmp_path: Path) -> None:
    small = {"width": 3, "epochs": 4, "threads": 1, "train_fraction": 0.05, "alpha": 1.0}
    for depth in DEPTHS:
        for seed in SEEDS:
            options = resdepth.TrainOptions(**small, lr=1, stop_loss=3.0, depth=depth, seed=seed)
            run = resdepth.train(options, tmp_path / f"{depth}-{seed}")
            assert "reached" in run.manifest.detail
    missed = tmp_path / "16-1"
    write_manifest(missed, read_manifest(missed).model_copy(update={"detail": {}}))
    out = tmp_path / "report.html"
    with warnings.catch_warnings():
        # Nothing to fit a decay to: training has stopped where it began.
        warnings.simplefilter("error")
        # What early releases of matplotlib call in a new pyparsing.
        warnings.filterwarnings("ignore", ".*deprecated")
        written(tmp_path, out)
    text = out.read_text()
    assert '16-1</td><td class="words">did not reach the loss 3' in text
    assert "did not reach the loss to stop at (L = 16): the others learn faster" in text
    rows = {row["run"]: row for row in csv.DictReader(out.with_suffix(".csv").open())}
    assert rows[str(missed)]["reason"] == "missed" and rows[str(missed)]["RMS"] == ""
    # At equal loss there is nothing to say of losses that differ.
    assert "the final loss depends on the depth" not in text


def test_each_path_is_measured_once(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    real = path_tables.variation_norms

    def counted(model: WeightPath, beta: float, exponents: Sequence[float]) -> object:
        asked.append(model.path)
        return real(model, beta, exponents)

    monkeypatch.setattr(path_tables, "variation_norms", counted)
    read = read_study(study)
    report_on(read)
    assert sorted(asked) == sorted(model.path for one in read.experiments for model in one.models)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((1, 3), "one line per run"),
        ((9, 9), "mean and 95 % band over the runs"),
        ((2, 9), "one line per run, or mean and 95 % band for more than"),
    ],
)
def test_a_caption_says_what_stands_for_the_runs(counts: tuple[int, ...], words: str) -> None:
    models = [
        WeightPath(Path(f"{number}-{depth}"), np.zeros((depth, 2, 2)), 0.5)
        for depth, count in zip((3, 4), counts, strict=True)
        for number in range(count)
    ]
    assert entries_drawn(entry_table(models, 0.5)).startswith(words)
