"""The reports of one world as one file: a NumPy archive, whose checksums tell a damaged one."""

from __future__ import annotations

import io
import json
import zipfile
import zlib

import numpy as np

from raylocus.errors import StoreError
from raylocus.network.reports.reports import REPORT_FIELDS, TOKEN_FIELDS, Reports

#: Version of a unit's file.
UNIT_SCHEMA = "raylocus.unit.v1"
_ARRAYS = ("report_offsets", "token_offsets", *REPORT_FIELDS, *TOKEN_FIELDS)


def pack_reports(reports: Reports) -> bytes:
    """The bytes of reports; equal reports have equal bytes."""
    document = {"schema": UNIT_SCHEMA, "features": reports.feature_names, "absent": reports.absent}
    arrays = {name: getattr(reports, name) for name in _ARRAYS}
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, allow_pickle=False, document=np.frombuffer(json.dumps(document).encode(), np.uint8), **arrays
    )
    return buffer.getvalue()


def unpack_reports(content: bytes, name: str) -> Reports:
    """The reports of a unit's bytes.

    Raises:
        StoreError: they were cut short, damaged or are of another schema; `name` is told.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            document = json.loads(archive["document"].tobytes())
            arrays = {field: archive[field] for field in _ARRAYS}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreError(f"the unit {name} is damaged") from error
    if document["schema"] != UNIT_SCHEMA:
        raise StoreError(f"the unit {name} has schema {document['schema']!r}, not {UNIT_SCHEMA!r}")
    absent = tuple((str(feature), str(why)) for feature, why in document["absent"])
    return Reports(**arrays, feature_names=tuple(document["features"]), absent=absent)
