"""What test samples share with those that were learnt from: distance, city, style, place, site and world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

from raylocus.datasets.configuration import PROCEDURAL
from raylocus.datasets.splits import AreaBlockSplits, SplitRule
from raylocus.datasets.store import PlaceSequences, ReportDataset
from raylocus.scenes.place import Place


@dataclass(frozen=True)
class Location:
    """A place's origin and sites in a frame that it may share with others."""

    frame: str
    """Name of the frame; points of places of one frame can be compared."""
    origin: Float[np.ndarray, "2"]
    """Origin of the place in it (x, y) [m]."""
    sites: Float[np.ndarray, "site 3"]
    """Sites of the place in it [m]."""


def location_of(place: Place) -> Location:
    """Where a place lies.

    A georeferenced place lies in its UTM zone. One cut out of a scene that is not, such as a built-in
    city, lies in the scene's own frame. Any other has a frame to itself.
    """
    made_from = place.provenance.configuration
    source, centre = str(made_from.get("source", "")), (made_from.get("scene") or {}).get("centre")
    if place.frame.georeferenced:
        frame, origin = f"EPSG:{place.frame.crs.to_epsg()}", np.array(place.frame.origin_projected)
    elif source and centre is not None:
        # Two seeds of a generator are two towns.
        town = f" seed {place.provenance.seed}" if source.startswith(PROCEDURAL) else ""
        frame, origin = source + town, np.array(centre, float)
    else:
        frame, origin = str(place.folder), np.zeros(2)
    return Location(frame, origin, place.deployment.site_positions + np.array([*origin, 0.0]))


#: Sites closer than this are the same [m].
SITE_TOLERANCE = 1.0
#: Positions are stored in float32 and the guard is kept to this [m].
GUARD_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Leakage:
    """What every test sample shares with the samples of training and validation."""

    sample: Int[np.ndarray, " test"]
    """Its index in the dataset."""
    distance: Float[np.ndarray, " test"]
    """Between any of its reports and the nearest report that was learnt from [m]; inf where their places
    have no common frame."""
    city: Bool[np.ndarray, " test"]
    style: Bool[np.ndarray, " test"]
    """False where the place declares none."""
    place: Bool[np.ndarray, " test"]
    site: Bool[np.ndarray, " test"]
    """Whether its place has a site that also serves a place that was learnt from."""
    world: Bool[np.ndarray, " test"]
    severity: Bool[np.ndarray, " test"]
    """Whether a world at least as severe was learnt from."""
    time: Bool[np.ndarray, " test"]
    """Whether a sequence that was learnt from had not ended when it began."""


def find_leakage(dataset: ReportDataset) -> Leakage:
    """Compares every test sample with all that was learnt from; one place is read at a time."""
    test, known = dataset.split == "test", np.isin(dataset.split, ("train", "validation"))
    place_of, samples = dataset.place_index, np.flatnonzero(test)
    choices = dataset.configuration.places
    where = {index: location_of(dataset.place(index)) for index in np.unique(place_of).tolist()}
    severity = np.array([world.law.severity for world in dataset.worlds])[dataset.world_index]
    taught = np.unique(place_of[known])
    return Leakage(
        sample=samples,
        distance=_distances(dataset, known, test, where)[samples],
        city=_named([choice.city_name for choice in choices], taught)[place_of[samples]],
        style=_named([choice.style for choice in choices], taught)[place_of[samples]],
        place=np.isin(place_of[samples], taught),
        site=_shared_sites(where, taught, len(choices))[place_of[samples]],
        world=np.isin(dataset.world_index[samples], dataset.world_index[known]),
        severity=severity[samples] <= severity[known].max(initial=-np.inf),
        time=dataset.start_time[samples] <= _ends(dataset)[known].max(initial=-np.inf),
    )


def broken_rule(rule: SplitRule, leakage: Leakage) -> str | None:
    """How the test samples break the rule that the dataset declares; None where they keep it."""
    guard = rule.guard - GUARD_TOLERANCE if isinstance(rule, AreaBlockSplits) else 0.0
    broken = {
        "city": [("are in a city", leakage.city), ("are in a place", leakage.place)],
        "style": [("are in a place of a style", leakage.style), ("are in a place", leakage.place)],
        "area_blocks": [("lie inside the guard band of a report", leakage.distance < guard)],
        "severity": [("are in a world no more severe than one", leakage.severity)],
        "time": [("began before the end of a sequence", leakage.time)],
    }
    for how, shared in broken[rule.kind]:
        if shared.any():
            return (
                f"splits are by {rule.kind}, but {shared.sum()} of {len(shared)} test samples {how} "
                "that was learnt from; build the dataset again"
            )
    return None


def _named(names: list[str | None], taught: Int[np.ndarray, " taught"]) -> Bool[np.ndarray, " place"]:
    """Whether each place has the name of one that was learnt from; no name is like no other."""
    known = {names[index] for index in taught} - {None}
    return np.array([name in known for name in names])


def _shared_sites(
    where: dict[int, Location], taught: Int[np.ndarray, " taught"], count: int
) -> Bool[np.ndarray, " place"]:
    shared = np.zeros(count, bool)
    for index, place in where.items():
        others = [where[other].sites for other in taught if where[other].frame == place.frame]
        if others:
            shared[index] = cKDTree(np.concatenate(others)).query(place.sites)[0].min() < SITE_TOLERANCE
    return shared


def _distances(
    dataset: ReportDataset,
    known: Bool[np.ndarray, " sample"],
    asked: Bool[np.ndarray, " sample"],
    where: dict[int, Location],
) -> Float[np.ndarray, " sample"]:
    """From the reports of samples that are asked for to the nearest known one [m]; inf elsewhere."""
    distance = np.full(len(known), np.inf)
    for frame in sorted({place.frame for place in where.values()}):
        here = np.isin(dataset.place_index, [index for index, place in where.items() if place.frame == frame])
        points = [_xy(part, where) for part in dataset.parts(known & here)]
        if not points:
            continue
        tree = cKDTree(np.concatenate(points))
        for part in dataset.parts(asked & here):
            nearest = tree.query(_xy(part, where))[0]
            distance[part.samples] = np.minimum.reduceat(nearest, part.reports.report_offsets[:-1])
    return distance


def _xy(part: PlaceSequences, where: dict[int, Location]) -> Float[np.ndarray, "report 2"]:
    """Where the reports of a part are in the common frame [m]."""
    return part.reports.position[:, :2] + where[part.place_index].origin


def _ends(dataset: ReportDataset) -> Float[np.ndarray, " sample"]:
    """When each sequence ends [s]."""
    ends = np.array(dataset.start_time, np.float64)
    for part in dataset.parts():
        ends[part.samples] += part.reports.time[part.reports.last_report]
    return ends
