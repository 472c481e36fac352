"""How the service runs: what it serves, how much of it, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raylocus.errors import InputError


@dataclass(frozen=True)
class ServiceConfiguration:
    """Limits and options; the defaults are safe on a machine that others use too."""

    host: str = "127.0.0.1"
    """Address to listen on; the machine itself alone by default."""
    port: int = 8080
    """TCP port; 0 for any free one."""
    memory_gb: float = 4.0
    """Resident memory [GB] of all processes that locate over which each lets the areas go that it was not asked for
    longest."""
    batch: int = 8
    """Most phones that are located together: more hardly cost less each, and all of them wait for the last."""
    processes: int = 2
    """Processes that locate, each a batch at a time; the processors are shared among them."""
    patience: float = 0.14
    """Longest time [s] that a question may have to wait for its turn; above it, it is refused with 503."""
    answer_time: float = 10.0
    """Longest time [s] to locate before a question is given up with 503."""
    request_time: float = 5.0
    """Longest time [s] for a client to send a request."""
    body_bytes: int = 30_000
    """Largest body of a request, also when unpacked."""
    rate: float = 200.0
    """Requests a second of one client (address or key) above which it is refused with 429; 0 for no limit."""
    key_file: Path | None = None
    """File of API keys, one a line; without it nobody needs a key."""
    store: Path | None = None
    """Folder that accepted geosubmit bodies are written to; without it they are checked and forgotten."""
    learn: Path | None = None
    """Folder of what is learned of each area's levels from geosubmit's positions; without it nothing is learned."""
    board_time: float = 60.0
    """How long [s] measurements that were announced for a later request are kept in memory."""
    board_size: int = 10_000
    """Most announced measurements in memory."""

    def __post_init__(self) -> None:
        """Checks what would stop the service later.

        Raises:
            InputError: nothing could be located, or no time or memory is left to.
        """
        least = {"batch": 1, "processes": 1, "body_bytes": 1, "board_size": 1}
        lacking = [name for name, value in least.items() if getattr(self, name) < value]
        positive = ("memory_gb", "patience", "answer_time", "request_time", "board_time")
        lacking += [name for name in positive if not getattr(self, name) > 0]
        if lacking:
            raise InputError(f"the service needs more than 0 of {', '.join(lacking)}; give positive numbers")
