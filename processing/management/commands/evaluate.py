"""``manage.py evaluate``: how good and how fast engines are on pictures whose truth is known."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.loader import render_to_string

from processing.engines import Engine, get_engine
from processing.engines.catalog import ENGINES
from processing.errors import ProcessingError
from processing.evaluation import doubt_report, report
from processing.evaluation.datasets import Dataset, find_datasets
from processing.evaluation.run import Result, evaluate
from processing.evaluation.scores import LOWER_IS_BETTER

TELL_EVERY = 25


class Command(BaseCommand):
    help = (
        "Measures engines on folders with pictures in im/ and their true mattes in gt/, of the "
        "same names: DIR is such a folder, or holds some. The measures are those of papers on "
        "salient objects (MAE, max and mean F, weighted F, S, E, IoU) and, where the truth is "
        "soft, on matting (SAD, MSE, gradient, connectivity). A second table says how well the "
        "confidence of an engine tells its bad mattes from its good ones."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument(
            "--engine",
            action="append",
            choices=list(ENGINES),
            help="may be given several times; the default engine without it",
        )
        parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th pair only")
        parser.add_argument("--out", type=Path, help="a folder for JSON, CSV and an HTML page")
        parser.add_argument("--worst", type=int, default=12, help="pictures to show on the page")
        parser.add_argument(
            "--floor",
            action="append",
            default=[],
            metavar="MEASURE=VALUE",
            help="end with status 1 if any data set is worse than that; several times",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        floors = [self._floor(text) for text in options["floor"]]
        datasets = self._datasets(options["folder"], options["every"])
        results: list[Result] = []
        pages = []
        for engine in self._engines(options["engine"] or [settings.DEFAULT_ENGINE]):
            for dataset in datasets:
                result = self._evaluate(engine, dataset)
                results.append(result)
                if options["out"]:
                    pages.append((result, report.worst(engine, result, options["worst"])))
        self.stdout.write(report.table(results))
        self.stdout.write("\n" + doubt_report.table(results))
        if options["out"]:
            page = render_to_string("processing/evaluation.html", {"results": pages})
            report.write_all(options["out"], results, page)
        self._judge(results, floors)

    def _datasets(self, folder: Path, step: int) -> Sequence[Dataset]:
        if step < 1:
            raise CommandError("--every: a whole number from 1 on.")
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}.")
        datasets = [d for d in find_datasets(folder) if d.pairs]
        if not datasets:
            raise CommandError(f"There are no pairs of pictures in im/ and gt/ below {folder}.")
        return [replace(dataset, pairs=dataset.pairs[::step]) for dataset in datasets]

    def _engines(self, names: Sequence[str]) -> Iterator[Engine]:
        for name in dict.fromkeys(names):
            try:
                yield get_engine(name, model_dir=Path(settings.MODEL_DIR))
            except ProcessingError as error:
                raise CommandError(error.message) from error

    def _evaluate(self, engine: Engine, dataset: Dataset) -> Result:
        total = len(dataset.pairs)
        done = iter(range(1, total + 1))

        def tell(_name: str) -> None:
            number = next(done)
            if number % TELL_EVERY == 0 or number == total:
                self.stderr.write(f"{engine.info.name}, {dataset.name}: {number} of {total}")

        result = evaluate(engine, dataset, told=tell)
        for failure in result.failures:
            self.stderr.write(f"{dataset.name}/{failure.name}: {failure.reason}")
        for path in dataset.unpaired:
            self.stderr.write(f"{dataset.name}: {path.name} has no partner")
        return result

    def _floor(self, text: str) -> tuple[str, float]:
        name, _, value = text.partition("=")
        known = (*report.MEASURES, *report.OF_SETS)
        try:
            if name in known:
                return name, float(value)
        except ValueError:
            pass
        raise CommandError(f"--floor {text}: a measure ({', '.join(known)}) = a number.")

    def _judge(self, results: Sequence[Result], floors: Sequence[tuple[str, float]]) -> None:
        """Lower is worse, but for measures of error."""
        missed = []
        for result in results:
            values = result.summary.values
            for name, floor in floors:
                worse = (floor - values[name]) if name in values else 0.0
                if (-worse if name in LOWER_IS_BETTER else worse) > 0:
                    missed.append(
                        f"{result.engine} on {result.dataset.name}: {name} {values[name]:.4f}, "
                        f"and {floor:g} was asked for"
                    )
        if missed or any(result.failures for result in results):
            raise CommandError("\n".join(missed or ["Some pairs could not be measured."]))
