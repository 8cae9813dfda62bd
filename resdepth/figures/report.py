"""The report on a folder of runs: a page that needs nothing else, its numbers, its figures."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from resdepth.analysis.study import Study
from resdepth.analysis.study_numbers import study_csv, study_numbers
from resdepth.atomic import write_text
from resdepth.figures import page, sections, style
from resdepth.figures.gallery import Picture, pictures, rate_picture
from resdepth.records import write_numbers


def write_report(study: Study, out: Path) -> list[Path]:
    """Report on a study; returns what was written.

    `out` is the page (report.html); beside it lie the numbers (.json, and .csv with a line a cell)
    and in a folder of its name the figures as PDF. A study that is not finished is reported on as
    far as it is.

    Raises
    ------
    WriteFailed
        The operating system refused.
    """
    folder, written = out.with_suffix(""), list[Path]()
    parts = list(_experiments(study, folder, written))
    parts += [*_rates(study, folder, written), *sections.next_steps(study)]
    parts += sections.cells(study)
    parts += [page.heading("What the words mean"), page.meanings(), *sections.origin(study)]
    write_text(out, page.page(f"Study {study.folder.resolve().name}", parts))
    numbers = write_numbers(out.with_suffix(".json"), study_numbers(study))
    table = out.with_suffix(".csv")
    write_text(table, study_csv(study))
    return [out, numbers, table, *written]


def _experiments(study: Study, folder: Path, written: list[Path]) -> Iterator[str]:
    for number, one in enumerate(study.experiments, start=1):
        start = f"{number}-" if len(study.experiments) > 1 else ""
        yield from sections.answer(one, _drawn(pictures(one), folder, start, written))


def _rates(study: Study, folder: Path, written: list[Path]) -> Iterator[str]:
    if study.rates:
        yield page.heading("Rates")
    for number, table in enumerate(study.rates, start=1):
        start = f"{number}-" if len(study.rates) > 1 else ""
        shown = _drawn([rate_picture(table)], folder, start, written)
        yield from sections.rates(table, shown.values())


def _drawn(
    gallery: Iterable[Picture], folder: Path, start: str, written: list[Path]
) -> dict[str, str]:
    """The figures as PDF, and by name as they stand in the page."""
    shown = {}
    for one in gallery:
        wide = one.draw(one.columns)
        written.append(folder / f"{start}{one.name}.pdf")
        style.save(wide, written[-1])
        narrow = wide if one.columns == 1 else one.draw(1)
        shown[one.name] = page.picture(wide, narrow, one.caption, one.word)
    return shown
