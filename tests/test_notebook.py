"""Runs, studies and tables in a notebook that a kernel really runs."""

from pathlib import Path

import pytest

from resdepth import html

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

CELLS = (
    """import resdepth
options = resdepth.TrainOptions(depth=4, width=4, epochs=30, train_fraction=0.1, threads=1)
run = resdepth.train(options, out="run", observer=resdepth.NotebookProgress())""",
    "run",
    """rows = resdepth.study("study", depth=[3, 4], seed=[0], epochs=2, lr=1.0, width=4,
    train_fraction=0.1, workers=1)
rows""",
    """models = resdepth.read_models(["study/cells"])
resdepth.norm_table(models, 0.25)""",
    "resdepth.variation_table(models, 0.25, (1.0, 2.0))",
    "resdepth.profile_table(models, 0.25, (1.0, 2.0))",
    """from resdepth.analysis.entries import entry_table
entry_table(models, 0.25, [(0, 1)])""",
    """from resdepth.analysis.study_runs import read_study
read_study(__import__("pathlib").Path("study"))""",
    """from resdepth.analysis.scaling import model_scaling
model_scaling(models)""",
    "resdepth.spectrum(run, resdepth.SpectrumOptions(top=2))",
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each cell shows, as HTML."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in CELLS])
    folder = tmp_path_factory.mktemp("notebook")
    client = nbclient.NotebookClient(
        book, timeout=250, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return [
        "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
        for cell in book.cells
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (0, ['<progress max="30" value="30">', "step 30 of 30", "loss", "avg_grad_norm"]),
        (1, ["finished", "depth", "val/accuracy", "<caption>run</caption>"]),
        (2, ["depth3-seed0", "depth4-seed0", "finished"]),
        (3, ["<td>3</td>", "<td>4</td>", "largest"]),
        (4, ["p = 1", "power of L"]),
        (5, ["critical exponent"]),
        (6, ["(0, 1)"]),
        (7, ["finished", "<td>3</td>"]),
        (8, ["beta", "nu"]),
        (9, ["eigenvalue", "residual"]),
    ],
)
def test_a_cell_shows(pages: list[str], cell: int, words: list[str]) -> None:
    assert [word for word in words if word not in pages[cell]] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (float("nan"), ""), (0.123456, "0.1235"), (12, "12"),
        ("<a&b>", "&lt;a&amp;b&gt;"),
        (Path("x/y"), "x/y"), (1e-9, "1e-09"), (True, "True"),
    ],
)  # fmt: skip
def test_values_are_text_and_no_markup(value: object, text: str) -> None:
    assert html.cell(value) == text


def test_facts_without_a_value_are_left_out() -> None:
    assert "lr" not in html.facts({"lr": None, "depth": 3})
