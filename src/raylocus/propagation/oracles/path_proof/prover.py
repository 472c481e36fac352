"""Verdicts on paths of the atlas, from walking them again through all triangles (`walk.py`).

A specular path is walked from the site along its departure. It exists if, reflected as often as it says by whatever
it meets, it passes its UE with its length. A path over an edge is walked from both ends. It exists if both walks come
to one point of an edge of the mesh, from outside of the solid, at equal angles to the edge (Keller's cone), with its
length together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from raylocus.propagation.atlas.atlas import DIFFRACTED, SPECULAR, PathAtlas, reorder
from raylocus.propagation.oracles.path_proof.walk import (
    AllTriangles,
    Meetings,
    Walks,
    backwards,
    meetings,
    outwards,
    through_solid,
    walk,
)

#: So far outside of an edge a leg is tried again that something stops on its way there [m].
OFFSET = 2e-2


class Verdict(IntEnum):
    """What walking a path has shown; the first that applies."""

    PROVEN = 0
    NO_LEG = 1
    """A mirror and the edge are met in one point: no path, but a part of the one without that mirror."""
    LOST = 2
    """A leg meets nothing where the path is reflected."""
    OTHER_MIRROR = 3
    """It is reflected by a surface of another normal or material than the path's."""
    GRAZED = 4
    """Something stands in the way to the edge, but not to a point `OFFSET` from it."""
    BLOCKED = 5
    """Something stands in the way to the UE or to the edge."""
    MISSED = 6
    """It passes the UE, the edge or the other walk too far away."""
    LENGTH = 7
    """It is longer or shorter."""
    CONE = 8
    """It leaves the edge at another angle than that at which it comes."""
    BEYOND_EDGE = 9
    """It passes the edge's line beyond its ends."""
    NO_EDGE = 10
    """Not two triangles meet there, or the path comes or goes through the solid between them."""
    NOT_WALKED = 11
    """Neither specular nor over an edge."""


#: A verdict, and for which paths it holds.
_Shown = tuple[Verdict, Bool[np.ndarray, " path"]]


@dataclass(frozen=True)
class Tolerances:
    """How closely a walk must agree with its path."""

    distance: float = 5e-3
    """From the UE, from the edge, between two walks, and past the edge's ends [m]."""
    length: float = 1e-3
    """m."""
    cone: float = 1e-4
    """Difference of the cosines of the angles to the edge."""
    normal: float = 2e-3
    """Angle between the normals of what reflects and the path's [rad]; neighbours in a facet differ by up to 0.1°."""


@dataclass(frozen=True)
class Proof:
    """What walking some paths has shown."""

    verdict: Int[np.ndarray, " path"]
    """A `Verdict` each."""
    miss: Float[np.ndarray, " path"]
    """Distance from the UE; or the largest of those from the edge and between the walks that meet there [m]."""
    longer: Float[np.ndarray, " path"]
    """Length walked beyond the path's own [m]."""


class PathProver:
    """Walks the paths of one scene."""

    def __init__(
        self,
        vertices: Float[np.ndarray, "triangle 3 3"],
        material: Int[np.ndarray, " triangle"],
        tolerances: Tolerances,
    ):
        """Keeps all triangles.

        Args:
            vertices: corners of the scene's triangles [m].
            material: index into MATERIALS of each.
            tolerances: how closely walks must agree.
        """
        self._triangles, self._material, self._within = AllTriangles(vertices), material, tolerances

    def proof(
        self, atlas: PathAtlas, site: Float[np.ndarray, "3"], point: Float[np.ndarray, "path 3"]
    ) -> Proof:
        """Walks all specular paths and paths over an edge.

        Args:
            atlas: paths from one site.
            site: its antenna centre [m].
            point: the UE at the end of each path [m].
        """
        verdict = np.full(len(point), int(Verdict.NOT_WALKED))
        miss, longer = np.full((2, len(point)), np.nan)
        for kind, judge in ((SPECULAR, self._specular), (DIFFRACTED, self._over_edge)):
            own = np.flatnonzero(atlas.kind == kind)
            start = np.broadcast_to(site, (len(own), 3))
            found = judge(reorder(atlas, own), start, point[own])
            verdict[own], miss[own], longer[own] = found.verdict, found.miss, found.longer
        return Proof(verdict, miss, longer)

    def _specular(
        self, paths: PathAtlas, start: Float[np.ndarray, "path 3"], point: Float[np.ndarray, "path 3"]
    ) -> Proof:
        walks = walk(self._triangles, start, paths.departure, paths.interactions)
        ahead = np.einsum("pi,pi->p", point - walks.start, walks.direction)
        miss = np.linalg.norm(point - walks.start - ahead[:, None] * walks.direction, axis=1)
        longer = walks.walked + ahead - paths.length
        shown = [
            (Verdict.LOST, walks.lost),
            (Verdict.OTHER_MIRROR, self._strange(walks, paths)),
            (Verdict.BLOCKED, self._stopped(walks, ahead)),
            (Verdict.MISSED, miss > self._within.distance),
            (Verdict.LENGTH, np.abs(longer) > self._within.length),
        ]
        return _proof(shown, miss, longer)

    def _over_edge(
        self, paths: PathAtlas, start: Float[np.ndarray, "path 3"], point: Float[np.ndarray, "path 3"]
    ) -> Proof:
        within, edge_length = self._within, paths.wedges.length[paths.wedge]
        behind = paths.interactions - paths.before_edge
        there = walk(self._triangles, start, paths.departure, paths.before_edge)
        back = walk(self._triangles, point, -paths.arrival, behind)
        first, second = meetings(there, paths), meetings(back, paths)
        miss = np.maximum.reduce([first.away, second.away, np.abs(first.along - second.along)])
        longer = there.walked + first.ahead + back.walked + second.ahead - paths.length
        axis = paths.wedges.direction[paths.wedge]
        cone = np.einsum("pi,pi->p", there.direction + back.direction, axis)
        shown = [
            *self._on_the_way(there, first, paths, paths.before_edge),
            *self._on_the_way(back, second, backwards(paths), behind),
            (Verdict.MISSED, miss > within.distance),
            (Verdict.LENGTH, np.abs(longer) > within.length),
            (Verdict.CONE, np.abs(cone) > within.cone),
            (Verdict.BEYOND_EDGE, np.abs(first.along - edge_length / 2) > edge_length / 2 + within.distance),
            (Verdict.NO_EDGE, through_solid(self._triangles, paths, -there.direction, -back.direction)),
        ]
        return _proof(shown, miss, longer)

    def _on_the_way(
        self, walks: Walks, edge: Meetings, paths: PathAtlas, reflections: Int[np.ndarray, " path"]
    ) -> list[_Shown]:
        """What is wrong with walks to edges before they are there; a path's surfaces come in the walk's order."""
        stopped = self._stopped(walks, edge.ahead)
        return [
            (Verdict.NO_LEG, (reflections > 0) & (edge.from_start < self._within.distance)),
            (Verdict.LOST, walks.lost),
            (Verdict.OTHER_MIRROR, self._strange(walks, paths)),
            (Verdict.GRAZED, self._free_next_to_edge(walks, edge, paths, stopped)),
            (Verdict.BLOCKED, stopped),
        ]

    def _stopped(self, walks: Walks, ahead: Float[np.ndarray, " path"]) -> Bool[np.ndarray, " path"]:
        """Whether something is met before a walk is so far ahead on its last leg [m]."""
        return (ahead < 0) | (walks.free < ahead - self._within.distance)

    def _free_next_to_edge(
        self, walks: Walks, edge: Meetings, paths: PathAtlas, asked: Bool[np.ndarray, " path"]
    ) -> Bool[np.ndarray, " path"]:
        """Which of the walks asked for reach a point `OFFSET` from the edge, where they do not reach the edge."""
        own, free = np.flatnonzero(asked), np.zeros(len(asked), bool)
        leg = (edge.point + OFFSET * outwards(paths) - walks.start)[own]
        length = np.linalg.norm(leg, axis=1)
        distance, _ = self._triangles.first_hit(walks.start[own], leg / np.maximum(length, 1e-9)[:, None])
        free[own] = distance > length
        return free

    def _strange(self, walks: Walks, paths: PathAtlas) -> Bool[np.ndarray, " path"]:
        """Whether a walk was reflected by another surface than the path."""
        depth = walks.mirror.shape[1]
        met, triangle = walks.mirror >= 0, np.maximum(walks.mirror, 0)
        sine = np.linalg.norm(np.cross(self._triangles.normal[triangle], paths.normals[:, :depth]), axis=2)
        other = (sine > self._within.normal) | (self._material[triangle] != paths.material[:, :depth])
        return (met & other).any(axis=1)


def _proof(
    shown: list[_Shown],
    miss: Float[np.ndarray, " path"],
    longer: Float[np.ndarray, " path"],
) -> Proof:
    conditions, verdicts = [each for _, each in shown], [int(verdict) for verdict, _ in shown]
    return Proof(np.select(conditions, verdicts, int(Verdict.PROVEN)), miss, longer)
