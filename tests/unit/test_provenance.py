from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raylocus.provenance import Provenance, hash_configuration, hash_file

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@dataclass(frozen=True)
class Inner:
    folder: Path
    values: tuple[float, ...]


@dataclass(frozen=True)
class Outer:
    inner: Inner
    count: int


@given(st.dictionaries(st.text(max_size=6), JSON, max_size=6))
def test_the_digest_does_not_depend_on_key_order(configuration: dict[str, object]) -> None:
    backwards = dict(reversed(configuration.items()))
    assert Provenance.collect(configuration).digest == Provenance.collect(backwards).digest


def test_every_part_changes_the_digest() -> None:
    base = Provenance.collect({"a": 1}, seed=1, inputs={"map": "00"})
    others = [
        Provenance.collect({"a": 2}, seed=1, inputs={"map": "00"}),
        Provenance.collect({"a": 1}, seed=2, inputs={"map": "00"}),
        Provenance.collect({"a": 1}, seed=1, inputs={"map": "01"}),
        Provenance.collect({"a": 1}, seed=None, inputs={"map": "00"}),
    ]
    assert len({base.digest, *(other.digest for other in others)}) == 5


def test_the_digest_is_known() -> None:
    # A change of this value makes every artefact on disk look stale: it must be on purpose.
    canonical = b'[{"name": "munich", "resolution": 4.0}, 7, {}]'
    configuration = [{"resolution": 4.0, "name": "munich"}, 7, {}]
    assert hash_configuration(configuration) == hashlib.sha256(canonical).hexdigest()


def test_dataclasses_paths_and_numpy_become_plain() -> None:
    record = Provenance.collect(Outer(Inner(Path("places/a"), (1.0, np.float64(2.0))), np.int64(3)))
    assert record.configuration == {"inner": {"folder": "places/a", "values": [1.0, 2.0]}, "count": 3}
    json.dumps(record.configuration)


def test_json_there_and_back() -> None:
    record = Provenance.collect({"a": [1, 2]}, seed=3, inputs={"scene.xml": "ff"})
    assert Provenance.from_json(record.to_json()) == record


def test_versions_name_what_computes() -> None:
    found = Provenance.collect({}).versions
    assert {"raylocus", "sionna-rt", "drjit", "mitsuba", "torch"} <= set(found)


def test_hash_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    assert hash_file(file) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
