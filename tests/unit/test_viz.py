"""Figures put things where they are, and the report stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evaluation_fixtures import SyntheticPlace, some_world, synthetic_place, synthetic_reports
from raylocus.evaluation.baselines.grid_bayes import GridBayes
from raylocus.evaluation.baselines.grid_likelihood import LikelihoodModel
from raylocus.evaluation.baselines.strongest_cell import StrongestCell
from raylocus.evaluation.evaluation import evaluate
from raylocus.models.posterior import posterior_of
from raylocus.viz.maps import colour_range, layer_figure
from raylocus.viz.posterior import ELLIPSE_90, error_ellipse, posterior_figure, region_threshold
from raylocus.viz.report import PageContent, choose_cases, write_report
from raylocus.viz.style import method_styles


@pytest.fixture(scope="module")
def place() -> SyntheticPlace:
    return synthetic_place(0, size=128.0, sites=1)


def pixels(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def pixel_of(figure: Figure, xy: tuple[float, float]) -> tuple[int, int]:
    """Row and column of a point of the map in the drawn picture."""
    FigureCanvasAgg(figure).draw()
    column, up = figure.axes[0].transData.transform(xy)
    return round(figure.bbox.height - up), round(column)


@pytest.mark.parametrize("corner", [(40.0, 20.0), (-40.0, 20.0), (40.0, -50.0), (-40.0, -50.0)])
def test_a_bright_cell_is_drawn_where_it_lies(place: SyntheticPlace, corner: tuple[float, float]) -> None:
    layer = place.radio_maps["rsrp"].isel(cell=0) * 0.0
    index = place.tile.index(np.array(corner))
    layer.values[np.unravel_index(index, place.tile.shape)] = 1.0
    figure = layer_figure(layer, place, "one bright cell")
    image = pixels(figure)
    row, column = pixel_of(figure, tuple(place.tile.centres[index]))
    # viridis: the highest value is yellow, the lowest a dark violet.
    assert image[row, column, 0] > 200 and image[row, column, 2] < 80
    mirrored = pixel_of(figure, tuple(-place.tile.centres[index]))
    assert image[mirrored][0] < 200


def test_north_is_up_and_east_is_right(place: SyntheticPlace) -> None:
    figure = layer_figure(place.radio_maps["toa"].isel(site=0), place, "delay")
    north, south = pixel_of(figure, (0.0, 30.0)), pixel_of(figure, (0.0, -30.0))
    west, east = pixel_of(figure, (-30.0, 0.0)), pixel_of(figure, (30.0, 0.0))
    assert north[0] < south[0] and west[1] < east[1]
    assert "[s]" in [axes.get_ylabel() for axes in figure.axes]


@pytest.mark.parametrize(
    ("value", "units", "ends"),
    [(0.0, "m", (0.0, 10.0)), (35.0, "m", (30.0, 40.0)), (-90.0, "dBm", (-95.0, -85.0)), (0.0, "1", (0.0, 1.0))],
)  # fmt: skip
def test_a_layer_that_is_one_number_says_which_on_a_scale_of_a_sensible_span(
    place: SyntheticPlace, value: float, units: str, ends: tuple[float, float]
) -> None:
    layer = place.geometry_maps["terrain"] * 0.0 + value
    layer.attrs["units"] = units
    figure = layer_figure(layer, place, "a flat place")
    image = figure.axes[0].get_images()[-1]
    assert image.get_clim() == pytest.approx(ends)
    assert f"{value:g} everywhere" in figure.axes[-1].get_ylabel()


def test_rounding_is_no_landscape_and_a_hill_keeps_its_own_scale() -> None:
    steps = np.linspace(0.0, 1.0, 1001)
    assert colour_range(2.0 + 1e-4 * steps, "m") == pytest.approx((0.0, 10.0))
    assert colour_range(100.0 + 50.0 * steps, "m") == pytest.approx((100.5, 149.5))
    assert colour_range(1e-7 * steps, "s") == pytest.approx((1e-9, 9.9e-8))


def test_the_heatmap_lies_under_the_estimate(place: SyntheticPlace) -> None:
    where = np.array([34.0, -46.0])
    squares = ((place.tile.centres - where) ** 2).sum(axis=1) / (2 * 5.0**2)
    density = np.exp(-squares) / np.exp(-squares).sum()
    answers = posterior_of(place.tile, density.reshape(1, *place.tile.shape))
    figure = posterior_figure(answers, 0, place, np.array([[0.0, 0.0], [10.0, 50.0]]), "one answer")
    image = pixels(figure)
    outside = pixel_of(figure, (34.0, -41.0))
    assert image[outside][2] > image[outside][0] + 30
    away = image[pixel_of(figure, (-34.0, 41.0))]
    assert np.ptp(away) < 15
    ellipse = error_ellipse(answers, 0)
    assert ellipse.width == pytest.approx(2 * ELLIPSE_90 * 5.0, rel=0.05)


def test_an_ellipse_leans_with_its_covariance(place: SyntheticPlace) -> None:
    x, y = place.tile.centres.T
    density = np.exp(-((x - y) ** 2) / 50 - (x + y) ** 2 / 1500)
    answers = posterior_of(place.tile, (density / density.sum()).reshape(1, *place.tile.shape))
    ellipse = error_ellipse(answers, 0)
    assert ellipse.angle % 180 == pytest.approx(45, abs=2) and ellipse.width > 2 * ellipse.height


def test_the_outlined_region_holds_its_mass() -> None:
    density = np.random.default_rng(0).dirichlet(np.full(400, 0.3)).reshape(20, 20)
    inside = density >= region_threshold(density, 0.9)
    assert 0.9 <= density[inside].sum() < 0.9 + density[inside].min() + 1e-9


def test_each_method_keeps_its_look() -> None:
    names = [f"method {index}" for index in range(11)] + ["bound"]
    styles = method_styles(names, ["bound"])
    assert len({(style["color"], style["linestyle"]) for style in styles.values()}) == len(names)
    assert styles["method 0"] == method_styles(names[:3], ["bound"])["method 0"]


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "data", "srcset")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = synthetic_place(0, size=192.0)
    reports = synthetic_reports(place, some_world(place, 1), 15, 1)
    methods = [
        StrongestCell("site <1>", 0.0, 70.0),
        GridBayes("grid", LikelihoodModel(8.0, 6.0, 15.0)),
    ]
    outcomes = {method.name: evaluate(method, reports, place) for method in methods}
    path = Path(tmp_path_factory.mktemp("report")) / "report.html"
    content = PageContent(
        "A & B", [("severity", "0.5")], place, reports, outcomes, "grid", bound="grid", references=["grid"]
    )
    write_report(content, path)
    assert len(choose_cases(outcomes["grid"].evaluation)) >= 5
    yield path.read_text()


def test_the_report_needs_nothing_from_outside(page: str) -> None:
    links = Links()
    links.feed(page)
    assert not links.open
    assert links.found and all(link.startswith("data:image/png;base64,") for link in links.found)
    assert not re.search(r"https?://|@import|url\(", page)


def test_the_report_says_what_was_run_and_how_it_went(page: str) -> None:
    assert "site &lt;1&gt;" in page and "A &amp; B" in page
    for part in ("What was run", "Results", "Limits", "Single answers of grid", "0.5"):
        assert part in page
