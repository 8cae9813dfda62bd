"""``python -m pvar``, the type stubs and the examples of the README."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pvar
import pytest
from paths import draw


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pvar", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".txt"])
def test_command(tmp_path: Path, suffix: str) -> None:
    path = draw("brownian", 300, 4, 1)
    file = tmp_path / f"path{suffix}"
    if suffix == ".npy":
        np.save(file, path)
    else:
        separator = "," if suffix == ".csv" else " "
        header = separator.join("abcd")
        np.savetxt(file, path, delimiter=separator, header=header, comments="", fmt="%.17g")
    done = run(str(file), "--p", "2", "3", "--partition", "--critical", "--json")
    answer = json.loads(done.stdout)
    assert answer["shape"] == [300, 4]
    assert answer["results"][1]["norm"] == pvar.p_variation_norm(path, 3)
    partition = pvar.p_variation(path, 2, return_partition=True)[1]
    assert answer["results"][0]["partition"] == partition.tolist()
    assert answer["critical_exponent"]["lags"] == 2
    assert f"{pvar.p_variation(path, 2)!r}" in run(str(file), "--critical").stdout


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.npy", None, "no such file"),
        ("path.xyz", "1 2", "suffix"),
        ("path.csv", "1,2\n3", "columns"),
        ("path.csv", "1,nan\n", "row 0, column 1"),
        ("path.npy", "not an array", "error"),
    ],
)
def test_command_fails_in_one_line(
    tmp_path: Path, name: str, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    done = run(str(tmp_path / name))
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_examples_of_the_readme_run() -> None:
    readme = Path(__file__).resolve().parent.parent / "README.md"
    blocks = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    exec("\n".join(blocks), {})


def test_stubs_match_the_binary() -> None:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy.stubtest", "pvar", "--ignore-missing-stub"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
