"""Some cells of an encoded place: which, that they are the place of those cells, and who is looked at together."""

from __future__ import annotations

import numpy as np
import torch

from model_fixtures import synthetic_place, synthetic_reports
from raylocus.inference.neighbours import GROUP, neighbours
from raylocus.models.configuration import LocationNetworkConfiguration
from raylocus.models.evidence.cell_order import CellOrder
from raylocus.models.evidence.rasters import evidence_rasters
from raylocus.models.inputs.maps import place_maps
from raylocus.models.inputs.packed import sequence_tensors
from raylocus.models.location_network import LocationNetwork
from raylocus.models.map_encoder import EncodedPlace
from raylocus.models.part_of_place import cells_that_matter, part_of_place
from raylocus.models.physics.expected import MapLookup, by_torch
from raylocus.network.reports.token_cells import token_cells, tokens_of
from raylocus.scenes.deployment import part_of_deployment

PLACE = synthetic_place(1, size=128.0, sites=3, beams=4)


def test_a_part_is_the_place_of_its_cells_alone() -> None:
    torch.manual_seed(1)
    network = LocationNetwork(
        LocationNetworkConfiguration(token_width=16, map_width=4, fusion_width=8)
    ).eval()
    # Two sites lose a cell, one all of its cells.
    cells = torch.tensor([0, 2, 4, 5])
    deployment = part_of_deployment(PLACE.deployment, cells.tolist(), (0.0, 0.0))
    reports = tokens_of(synthetic_reports(PLACE, 6, 6), deployment).reports
    with torch.no_grad():
        part = part_of_place(network.encode_place(place_maps(PLACE)), cells)
        alone = EncodedPlace(part.maps, evidence_rasters(part.maps), part.radio, part.ground)
        sequences = sequence_tensors(reports, deployment)
        found, expected = (network(sequences, place) for place in (part, alone))
    assert part.maps.site_of_cell.tolist() == deployment.site_of_cell.tolist()
    assert torch.allclose(found.evidence.total, expected.evidence.total, atol=1e-3)
    assert torch.allclose(found.prediction.log_mass, expected.prediction.log_mass, atol=1e-3)


def test_levels_that_are_looked_up_are_those_of_the_parts_own_cells() -> None:
    maps, cells = place_maps(PLACE), torch.tensor([4, 0, 5])
    points = torch.tensor([[3.0, -20.0], [40.0, 11.0]])
    part, whole = (MapLookup(each, by_torch).at(points) for each in (CellOrder(cells).place(maps), maps))
    torch.testing.assert_close(part.level, whole.level[:, cells], equal_nan=True)
    assert not torch.allclose(part.level, whole.level[:, :3], equal_nan=True)


def test_what_is_named_and_what_is_strongest_somewhere_matters() -> None:
    network = LocationNetwork(LocationNetworkConfiguration(token_width=16, map_width=4, fusion_width=8))
    maps = place_maps(PLACE)
    maps.level[[1, 3]] = -150.0
    place = network.encode_place(maps)
    strongest = set(maps.level.flatten(1).argmax(0).tolist())
    assert 0 < len(strongest) < len(maps.level) - 1
    for named in (1, 3):
        assert set(cells_that_matter(place, torch.tensor([named])).tolist()) == strongest | {named}


def test_groups_are_small_whole_and_near() -> None:
    reports = synthetic_reports(PLACE, 3 * GROUP, 6)
    cell = token_cells(reports, PLACE.deployment)
    groups = neighbours(reports, cell, PLACE.deployment)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(reports)))
    assert max(len(group) for group in groups) <= GROUP
    site = PLACE.deployment.site_positions[PLACE.deployment.site_of_cell[cell], :2]
    sequence = reports.sequence_of_report[reports.report_of_token]
    middle = np.stack([site[sequence == each].mean(axis=0) for each in range(len(reports))])
    within = np.mean([middle[group].var(axis=0).sum() for group in groups])
    assert within < 0.7 * middle.var(axis=0).sum()
