"""Bodies of geosubmit that an operator wants to keep: each a file of its own, whole or not there."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from raylocus.errors import StorageFullError
from raylocus.service.http.problems import Problem
from raylocus.storage import written_whole


def keep_submission(folder: Path | None, items: list[dict[str, Any]]) -> None:
    """Writes a body that `raylocus reports import` reads; without a folder nothing is kept.

    Raises:
        Problem: it cannot be written.
    """
    if folder is None or not items:
        return
    day = time.strftime("%Y-%m-%d", time.gmtime())
    try:
        with written_whole(folder / day / f"{uuid.uuid4().hex}.json") as aside:
            aside.write_text(json.dumps({"items": items}, allow_nan=False))
    except (StorageFullError, OSError) as error:
        raise Problem(503, "submissions cannot be kept at the moment", retry_after=60.0) from error
