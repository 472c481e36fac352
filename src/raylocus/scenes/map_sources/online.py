"""OpenStreetMap over the network: place names through osmnx, maps from Overpass servers.

Maps are fetched as OSM XML and read by the same reader as files, so that both are mended alike; every
answer is kept and asked for once. Data © OpenStreetMap contributors, Open Database License.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from raylocus.errors import PlaceError
from raylocus.scenes.map_sources.features import Bounds
from raylocus.storage import written_whole

#: Public servers, asked in turn until one answers.
OVERPASS_SERVERS = (
    "https://overpass-api.de/api/interpreter",
    "https://overpass.kumi.systems/api/interpreter",
    "https://maps.mail.ru/osm/tools/overpass/api/interpreter",
)
#: Larger boxes are refused, as the servers' owners ask [square degrees]; about 25 km × 25 km.
LARGEST_BOX = 0.08
#: Seconds a server may take, and seconds waited before a busy one is asked again.
TIMEOUT, PATIENCE = 180, 10
#: HTTP answers of a busy server.
BUSY = (429, 504)
#: What to fetch: the features that `scenes.osm.reader` uses, with their members and nodes.
_QUERY = """[out:xml][timeout:{timeout}];
(nwr["building"]({box});nwr["building:part"]({box});way["highway"]({box});
wr["natural"~"^(water|wood|bay|tree_row)$"]({box});wr["landuse"~"^(forest|orchard|reservoir|basin)$"]({box});
wr["waterway"~"^(riverbank|dock)$"]({box});wr["area:highway"]({box}););
(._;>;);
out body;
"""


def cache_folder() -> Path:
    """Where answers are kept: `$XDG_CACHE_HOME/raylocus`, else `~/.cache/raylocus`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "raylocus"


def find_place(name: str) -> Bounds:
    """The box of a place name, looked up by Nominatim through osmnx.

    Raises:
        PlaceError: the name is not found, or the network cannot be reached.
    """
    import osmnx
    from requests.exceptions import RequestException

    osmnx.settings.cache_folder = str(cache_folder() / "osmnx")
    try:
        found = osmnx.geocode_to_gdf(name)
    except RequestException as error:
        raise PlaceError(
            f"unknown place {name!r}: it is no built-in city (raylocus scene build --help lists them) and no file, "
            "and OpenStreetMap's search cannot be reached; connect to the network or give a .osm file"
        ) from error
    except Exception as error:  # osmnx raises kinds of its own, some of them private
        raise PlaceError(
            f"unknown place {name!r}: OpenStreetMap's search finds no such area; add the country, or give W,S,E,N"
        ) from error
    west, south, east, north = (float(value) for value in found.total_bounds)
    return west, south, east, north


def fetch_map(bounds: Bounds, servers: Sequence[str] = OVERPASS_SERVERS) -> Path:
    """The `.osm` file of a box, from the cache or else from the first server that answers.

    Raises:
        PlaceError: the box is too large for public servers, or none can be reached.
    """
    west, south, east, north = bounds
    if (east - west) * (north - south) > LARGEST_BOX:
        raise PlaceError(
            "the box is too large for public map servers; download an extract and give the .osm.pbf file"
        )
    query = _QUERY.format(timeout=TIMEOUT, box=f"{south:.7f},{west:.7f},{north:.7f},{east:.7f}")
    kept = cache_folder() / "overpass" / f"{hashlib.sha256(query.encode()).hexdigest()[:24]}.osm"
    if not kept.exists():
        answer = _ask(query, servers)
        with written_whole(kept) as aside:
            aside.write_bytes(answer)
    return kept


def _ask(query: str, servers: Sequence[str]) -> bytes:
    failures = []
    for server in servers:
        try:
            return _ask_one(query, server)
        except OSError as error:  # what requests raises, time-outs included
            failures.append(f"{server.split('/')[2]}: {type(error).__name__}")
    raise PlaceError(
        f"no map server can be reached ({'; '.join(failures)}); connect to the network or give a .osm or .osm.pbf file"
    )


def _ask_one(query: str, server: str) -> bytes:
    import requests

    from raylocus.provenance import versions

    agent = {"User-Agent": f"raylocus/{versions().get('raylocus', 'unknown')}"}
    for pause in (PATIENCE, 3 * PATIENCE, None):
        answer = requests.post(server, data={"data": query}, headers=agent, timeout=TIMEOUT)
        if answer.status_code in BUSY and pause is not None:
            time.sleep(pause)
            continue
        answer.raise_for_status()
        if b"<osm" not in answer.content[:500]:
            raise requests.exceptions.InvalidSchema("the answer is not a map")
        return answer.content
    raise requests.exceptions.RetryError("busy")
