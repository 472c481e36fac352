"""The viewer's pages of served areas, made when first asked for."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

from raylocus.scenes.area import is_area, open_area

#: Pages that are kept.
KEPT_PAGES = 4


@lru_cache(KEPT_PAGES)
def packed_page(folder: Path) -> bytes:
    """The page of a place or area, packed with gzip; it shows the ground and the network, and no phones.

    Raises:
        RaylocusError: its files are broken.
    """
    # Opening and drawing take packages that nobody need wait for who is located.
    from raylocus.propagation.maps.traced_place import open_place
    from raylocus.viz.viewer.area_content import area_content
    from raylocus.viz.viewer.page import viewer_page
    from raylocus.viz.viewer.place_content import place_content

    area = is_area(folder)
    content = area_content(open_area(folder), []) if area else place_content(open_place(folder), [], [])
    return gzip.compress(viewer_page(content).encode(), compresslevel=6, mtime=0)
