"""OpenStreetMap over the network, through osmnx: place names by Nominatim, maps by Overpass servers.

osmnx keeps every answer and asks for it once, waits for the slot that a server assigns, and waits when it is
busy. Its answers are read by the same reader as files, so that both are repaired alike. Data © OpenStreetMap
contributors, Open Database License.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from raylocus.errors import PlaceError
from raylocus.scenes.tagged import Bounds
from raylocus.storage import written_whole

#: Public servers, asked in turn until one answers.
OVERPASS_SERVERS = (
    "https://overpass-api.de/api",
    "https://overpass.kumi.systems/api",
    "https://maps.mail.ru/osm/tools/overpass/api",
)
#: Larger boxes are refused, as the servers' owners ask [square degrees]; about 25 km × 25 km.
LARGEST_BOX = 0.08
#: Seconds that a server may take for an answer, and to say that it is there.
TIMEOUT, GREETING = 180, 15
#: What to fetch: the features that `scenes.osm.reader` uses, with their members and nodes.
WANTED: dict[str, bool | str | list[str]] = {
    "building": True,
    "building:part": True,
    "highway": True,
    "area:highway": True,
    "natural": ["water", "wood", "bay", "tree", "tree_row", "coastline"],
    "landuse": ["forest", "orchard", "reservoir", "basin"],
    "waterway": ["riverbank", "dock"],
}


def cache_folder() -> Path:
    """Where answers are kept: `$XDG_CACHE_HOME/raylocus`, else `~/.cache/raylocus`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "raylocus"


@contextmanager
def osmnx_settings(**changed: object) -> Generator[None, None, None]:
    """osmnx with our name, time-out and the given settings; its own are put back."""
    import osmnx

    from raylocus.provenance import versions

    agent = f"raylocus/{versions().get('raylocus', 'unknown')} (osmnx/{osmnx.__version__})"
    wanted = {"use_cache": True, "requests_timeout": TIMEOUT, "http_user_agent": agent, **changed}
    before = {name: getattr(osmnx.settings, name) for name in wanted}
    for name, value in wanted.items():
        setattr(osmnx.settings, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(osmnx.settings, name, value)


def find_place(name: str) -> Bounds | tuple[float, float]:
    """The box of a place name, or (latitude, longitude) where the search knows but a point of it.

    Raises:
        PlaceError: the name is not found, or the network cannot be reached.
    """
    import osmnx
    from requests.exceptions import RequestException

    try:
        with osmnx_settings(cache_folder=str(cache_folder() / "places")):
            try:
                west, south, east, north = osmnx.geocode_to_gdf(name).total_bounds.tolist()
            except TypeError:  # found, and without an area
                latitude, longitude = osmnx.geocode(name)
                return float(latitude), float(longitude)
    except RequestException as error:
        raise PlaceError(
            f"unknown place {name!r}: it is no built-in city (raylocus scene build --help lists them) and no file, "
            "and OpenStreetMap's search cannot be reached; connect to the network or give a .osm file"
        ) from error
    except Exception as error:  # osmnx raises kinds of its own, some of them private
        raise PlaceError(
            f"unknown place {name!r}: OpenStreetMap's search finds no such place; add the country, or give W,S,E,N"
        ) from error
    return west, south, east, north


def fetch_map(bounds: Bounds, servers: Sequence[str] = OVERPASS_SERVERS) -> Path:
    """The map of a box as an OpenStreetMap file, from the cache or else from the first server that answers.

    Raises:
        PlaceError: the box is too large for public servers, or none can be reached.
    """
    west, south, east, north = bounds
    if (east - west) * (north - south) > LARGEST_BOX:
        raise PlaceError(
            "the box is too large for public map servers; download an extract and give the .osm.pbf file"
        )
    question = json.dumps([[round(value, 7) for value in bounds], WANTED])
    folder = cache_folder() / "maps" / hashlib.sha256(question.encode()).hexdigest()[:24]
    kept = folder / "map.osm.pbf"
    if not kept.exists():
        _download(bounds, folder, servers)
        _write_map(folder, kept)
    return kept


def _write_map(folder: Path, kept: Path) -> None:
    from raylocus.scenes.osm.elements import json_content
    from raylocus.scenes.osm.ordering import write_in_order

    answers = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    # osmium takes the format from the name's end.
    with written_whole(kept) as aside:
        whole = aside.with_name(f"{aside.name}.osm.pbf")
        try:
            write_in_order(json_content("the map server's answer", answers), whole, Counter())
            whole.rename(aside)
        finally:
            whole.unlink(missing_ok=True)


def _download(bounds: Bounds, folder: Path, servers: Sequence[str]) -> None:
    """Leaves the answers of the first server that gives them as JSON files in a folder."""
    from requests.exceptions import RequestException

    failures = []
    for server in servers:
        try:
            _greet(server)
            with osmnx_settings(
                overpass_url=server, cache_folder=str(folder), cache_only_mode=True, overpass_rate_limit=True
            ):
                _ask(bounds)
            return
        except (RequestException, ConnectionError) as error:
            failures.append(f"{server.split('/')[2]}: {type(error).__name__}")
    raise PlaceError(
        f"no map server can be reached ({'; '.join(failures)}); connect to the network or give a .osm or .osm.pbf file"
    )


def _greet(server: str) -> None:
    """Raises RequestException where a server is not there: osmnx would wait a minute for its slot first."""
    import requests

    requests.get(f"{server}/status", timeout=GREETING).raise_for_status()


def _ask(bounds: Bounds) -> None:
    import osmnx

    try:
        osmnx.features_from_bbox(bounds, WANTED)
    except InterruptedError:  # osmnx raises a kind of it when every answer is in its cache
        return
    except ValueError as error:  # osmnx's errors for an empty or a refused answer are kinds of it
        raise ConnectionError(str(error)) from error
