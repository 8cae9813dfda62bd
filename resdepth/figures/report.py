"""The report on a folder of runs: a page that needs nothing else, its numbers, its figures."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from resdepth.analysis.study import Study
from resdepth.analysis.study_numbers import study_csv, study_numbers
from resdepth.atomic import write_text
from resdepth.figures import page, sections, style
from resdepth.figures.gallery import Picture, pictures, rate_picture
from resdepth.records import write_numbers
from resdepth.runs.provenance import Provenance


def write_report(study: Study, out: Path, provenance: Provenance | None = None) -> list[Path]:
    """Report on a study, finished or not; returns the paths that were written.

    The numbers (.json, and .csv with one line per cell) are written first, then the page `out` and
    its figures.

    Raises
    ------
    System
        The operating system refused.
    """
    numbers = write_numbers(out.with_suffix(".json"), study_numbers(study), provenance)
    table = out.with_suffix(".csv")
    write_text(table, study_csv(study))
    return [*write_page(study, out, provenance), numbers, table]


def write_page(study: Study, out: Path, provenance: Provenance | None = None) -> list[Path]:
    """Write the page `out`, and its figures as PDF in a folder of the same name."""
    gallery = _Gallery(out.with_suffix(""), provenance)
    parts = list(_experiments(study, gallery))
    parts += [*_rates(study, gallery), *sections.next_steps(study), *sections.cells(study)]
    parts += [page.heading("What the words mean"), page.meanings()]
    parts += sections.origin(study, provenance)
    write_text(out, page.page(f"Study {study.folder.resolve().name}", parts, provenance))
    return [out, *gallery.written]


def _experiments(study: Study, gallery: "_Gallery") -> Iterator[str]:
    for number, one in enumerate(study.experiments, start=1):
        start = f"{number}-" if len(study.experiments) > 1 else ""
        yield from sections.answer(one, gallery.drawn(pictures(one), start))


def _rates(study: Study, gallery: "_Gallery") -> Iterator[str]:
    if study.rates:
        yield page.heading("Rates")
    for number, table in enumerate(study.rates, start=1):
        start = f"{number}-" if len(study.rates) > 1 else ""
        yield from sections.rates(table, gallery.drawn([rate_picture(table)], start).values())


@dataclass
class _Gallery:
    """The figures of a page as PDF in `folder`."""

    folder: Path
    provenance: Provenance | None
    written: list[Path] = field(default_factory=list)

    def drawn(self, figures: Iterable[Picture], start: str = "") -> dict[str, str]:
        """Save each figure; by its name the HTML that shows it."""
        shown = {}
        for one in figures:
            wide = one.draw(one.columns)
            self.written.append(self.folder / f"{start}{one.name}.pdf")
            style.save(wide, self.written[-1], self.provenance)
            narrow = wide if one.columns == 1 else one.draw(1)
            shown[one.name] = page.picture(wide, narrow, one.caption, one.word)
        return shown
