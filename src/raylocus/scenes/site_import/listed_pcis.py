"""PCIs of a list of cells: those that it states, and planned ones where it states none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from raylocus.errors import PlaceError
from raylocus.scenes.site_import.records import SiteRecord

#: Cells of one carrier and PCI stand farther apart than this [m]: a phone hears both otherwise. Chosen.
REUSE_DISTANCE = 1000.0
#: Cells that PCIs can be planned for without repeating any.
MOST_PCIS = 500


def listed_pcis(
    path: Path,
    records: Sequence[SiteRecord],
    positions: Float[np.ndarray, "cell 2"],
    planned: Int[np.ndarray, " cell"],
    notes: Counter[str],
) -> list[int]:
    """The PCIs of a carrier's cells, and where they have none planned ones, moved out of their way by whole groups.

    Two cells may have one PCI where they stand apart, where their identities distinguish them, or where no channel is
    stated, by which they may differ.

    Args:
        path: the file, for messages.
        records: its cells of one carrier.
        positions: where they stand [m].
        planned: what each has if it states none.
        notes: counts what is planned, and repeated.

    Raises:
        PlaceError: two cells near each other share a PCI.
    """
    known: dict[int, list[int]] = {}
    for index, record in enumerate(records):
        if record.pci is None:
            continue
        for other in known.setdefault(record.pci, []):
            near = np.linalg.norm(positions[index] - positions[other]) < REUSE_DISTANCE
            unnamed = None in (record.identity, records[other].identity)
            if near and unnamed and record.frequency is not None:
                raise PlaceError(
                    f"{path}, lines {records[other].line} and {record.line}: two cells less than {REUSE_DISTANCE:g} m "
                    f"apart share PCI {record.pci}; correct one, or choose one network with --network"
                )
        known[record.pci].append(index)
    taken = set(known)
    pcis = []
    for record, plan in zip(records, planned.tolist(), strict=True):
        others = ((plan + 3 * step + step // 336) % 1008 for step in range(1008))
        pci = (
            next((other for other in others if other not in taken), plan)
            if record.pci is None
            else record.pci
        )
        if len(records) <= MOST_PCIS:
            taken.add(pci)
        pcis.append(pci)
    notes["cells without PCI, which is planned"] += sum(record.pci is None for record in records)
    notes["cells whose PCI another cell of their carrier has as well"] += sum(
        len(own) for own in known.values() if len(own) > 1
    )
    return pcis
