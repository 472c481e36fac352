"""Deployments of several carriers: layers, uniqueness, and which cells a reported one may be."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from log_fixtures import flat_place
from network_fixtures import random_reports
from raylocus.errors import PlaceError
from raylocus.network.reports.reports import Reports
from raylocus.network.reports.token_cells import nearest_candidates, token_cells
from raylocus.scenes.place import load_place, save_place
from raylocus.scenes.sites import Carrier, Cell, Deployment, ElementPattern, Site

#: EARFCN 6300 is 806 MHz and 1300 is 1815 MHz; NR-ARFCN 633334 is 3500.01 MHz, 633000 is 3495 MHz.
LOW = Carrier(806e6, 0, 50, "LTE", 6300)
HIGH = Carrier(1815e6, 0, 50, "LTE", 1300)
NR = Carrier(3500.01e6, 1, 106)
#: Two masts near each other, a third 8 km away that has their PCIs again.
SITES = tuple(Site(name, (x, 0.0, 30.0)) for name, x in (("west", 0.0), ("middle", 400.0), ("far", 8000.0)))
CELLS = (
    Cell(1, 0, 0.0, 0.1, carrier=0, identity=256),
    Cell(2, 1, 0.0, 0.1, carrier=0, identity=512),
    Cell(1, 0, 0.0, 0.1, carrier=1),
    Cell(1, 2, 0.0, 0.1, carrier=0, identity=768),
    Cell(2, 2, 2.0, 0.1, carrier=0),
    Cell(1, 1, 0.0, 0.1, carrier=2),
)
MAST = [("mast", 0.0, 0.0, 17)]
NETWORK = Deployment((LOW, HIGH, NR), SITES, CELLS)


def named(*tokens: tuple[int, int, int, int], counts: list[int] | None = None) -> Reports:
    """Reports whose tokens have these PCIs, technologies, channels and identities; one report, or so many a report."""
    reports = random_reports([counts or [len(tokens)]], seed=1)
    pci, technology, channel, identity = np.array(tokens).T
    return dataclasses.replace(
        reports, pci=pci, technology=technology.astype(np.int8), channel=channel, identity=identity
    )


@pytest.mark.parametrize(
    ("token", "cells"),
    [
        ((1, 0, -1, -1), [0, 2, 3, 5]),  # a PCI alone
        ((1, 2, -1, -1), [0, 2, 3]),  # LTE
        ((1, 2, 6300, -1), [0, 3]),  # its channel
        ((1, 2, 6310, -1), [0, 3]),  # another channel inside the carrier
        ((1, 2, 3000, -1), []),  # a channel of no carrier
        ((1, 0, 1300, -1), [2]),  # a channel whose technology is not said
        ((1, 1, 633000, -1), [5]),  # the SSB's channel, off the carrier's centre
        ((1, 1, 700000, -1), []),
        ((1, 3, 6300, -1), [0, 3]),  # NB-IoT within LTE
        ((1, 2, 6300, 768), [3]),  # an identity decides
        ((2, 2, 6300, 768), [3]),  # whatever the PCI
        ((1, 2, 6300, 999), []),  # an identity that is of none of the cells, whose own are known
        ((2, 2, 6300, 999), [4]),  # but one cell's is not known
        ((1, 1, -1, 768), [5]),  # NR's identities are other numbers
        ((7, 0, -1, -1), []),
    ],
)
def test_candidates_follow_identity_then_channel_then_pci(
    token: tuple[int, int, int, int], cells: list[int]
) -> None:
    found = NETWORK.candidates(named((2, 1, -1, -1), token, (1, 1, -1, -1)))
    assert found.cells[found.rows.offsets[1] : found.rows.offsets[2]].tolist() == cells
    assert found.known.tolist() == [False, bool(cells), True]


def test_of_several_candidates_the_nearest_to_the_other_cells_counts() -> None:
    """PCI 1 stands at both ends; what else the report names says which."""
    near, far = (2, 2, 6300, 512), (2, 2, 6300, -1)
    reports = named((1, 2, 6300, -1), near, (1, 2, 6300, -1), (1, 2, 6300, 768), far, counts=[2, 3])
    assert token_cells(reports, NETWORK).tolist() == [0, 1, 3, 3, 4]


def test_a_token_without_candidates_is_minus_one_or_refused() -> None:
    reports = named((9, 0, -1, -1), (1, 1, -1, -1))
    assert nearest_candidates(NETWORK.candidates(reports), reports, NETWORK).tolist() == [-1, 5]
    with pytest.raises(PlaceError, match="PCI 9"):
        token_cells(reports, NETWORK)


def test_layers_are_the_cells_of_each_carrier_at_all_sites() -> None:
    layers = NETWORK.layers()
    assert [layer.cells.tolist() for layer in layers] == [[0, 1, 3, 4], [2], [5]]
    for layer, carrier in zip(layers, NETWORK.carriers, strict=True):
        assert layer.deployment.carrier is carrier
        assert layer.deployment.sites == NETWORK.sites
        whole = [dataclasses.replace(NETWORK.cells[cell], carrier=0) for cell in layer.cells]
        assert list(layer.deployment.cells) == whole
    (only,) = layers[0].deployment.layers()
    assert only.deployment is layers[0].deployment
    with pytest.raises(PlaceError, match="several carriers"):
        _ = NETWORK.carrier


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"carriers": (LOW, dataclasses.replace(HIGH, channel=6300), NR)}, "channel 6300"),
        ({"carriers": (LOW, dataclasses.replace(HIGH, frequency=806e6), NR)}, "one frequency"),
        ({"cells": (*CELLS, Cell(1, 0, 1.0, 0.1))}, "share a PCI"),
        ({"cells": (*CELLS, Cell(3, 0, 1.0, 0.1, identity=256))}, "global identity"),
        ({"carriers": ()}, "at least one carrier"),
    ],
)
def test_names_that_no_report_could_distinguish_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(PlaceError, match=message):
        dataclasses.replace(NETWORK, **changed)


def test_a_place_keeps_carriers_patterns_identities_and_deviations(tmp_path: Path) -> None:
    pattern = ElementPattern(beamwidth_azimuth=90.0, gain=6.0)
    cells = (*CELLS[:-1], dataclasses.replace(CELLS[-1], pattern=pattern))
    sites = (*SITES[:-1], dataclasses.replace(SITES[-1], deviation=150.0))
    network = Deployment(NETWORK.carriers, sites, cells)
    place = dataclasses.replace(flat_place(tmp_path / "place", MAST), deployment=network)
    save_place(place)
    assert load_place(place.folder).deployment == network


def test_a_place_of_the_version_before_is_read(tmp_path: Path) -> None:
    place = flat_place(tmp_path / "place", MAST)
    file = place.folder / "place.json"
    record = json.loads(file.read_text())
    carrier = record.pop("carriers")[0]
    record |= {"schema": "raylocus.place.v2", "carrier": {name: carrier[name] for name in list(carrier)[:3]}}
    for cell in record["cells"]:
        assert cell["carrier"] == 0
        del cell["pattern"], cell["identity"], cell["carrier"]
    file.write_text(json.dumps(record))
    assert load_place(place.folder).deployment == place.deployment
