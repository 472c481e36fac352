"""The styles of town that can be generated, by name."""

from __future__ import annotations

from raylocus.scenes.towns import dense_styles, open_styles

#: Every style by its name, as in `procedural:NAME`.
STYLES = {
    style.name: style
    for style in (
        dense_styles.EUROPEAN_CORE,
        dense_styles.PERIMETER_BLOCKS,
        dense_styles.TOWER_GRID,
        open_styles.LOW_RISE_GRID,
        open_styles.DETACHED_SUBURB,
        open_styles.VILLAGE,
        dense_styles.ASIAN_LOW_RISE,
        open_styles.HIGH_RISE_SLABS,
        open_styles.INDUSTRIAL,
        open_styles.CAMPUS,
        dense_styles.WATERFRONT,
        dense_styles.HILL_TOWN,
    )
}
