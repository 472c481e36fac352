"""The configuration that a dataset was built from, as its provenance records it."""

from __future__ import annotations

from typing import Any

from raylocus.datasets.configuration import DatasetConfiguration, parse_dataset_configuration


def stored_dataset_configuration(record: dict[str, Any], source: str) -> DatasetConfiguration:
    """The dataset configuration that a provenance records.

    Raises:
        InputError: the record does not describe a dataset of this version.
    """
    import yaml

    # JSON writes an infinite number otherwise than YAML does.
    return parse_dataset_configuration(yaml.safe_dump(_with_carriers(record)), source)


def _with_carriers(record: dict[str, Any]) -> dict[str, Any]:
    """A record in which the deployment's one carrier, as older datasets have it, is a list."""
    deployment = dict(record.get("scene", {}).get("deployment", {}))
    if "carrier" not in deployment:
        return record
    deployment["carriers"] = [deployment.pop("carrier")]
    return {**record, "scene": {**record["scene"], "deployment": deployment}}
