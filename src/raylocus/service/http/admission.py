"""Who may ask, and how often."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from raylocus.errors import InputError

#: Shortest API key that is accepted.
SHORTEST_KEY = 16
#: Clients whose rate is followed at the same time.
MOST_CLIENTS = 10_000


@dataclass(frozen=True)
class ApiKeys:
    """The keys of a service, as digests; none at all lets everybody in."""

    digests: tuple[bytes, ...] = ()

    @classmethod
    def read(cls, path: Path | None) -> ApiKeys:
        """The keys of a file, one a line; empty lines and those that begin with # are passed over.

        Raises:
            InputError: there is no such file, it has no key, or a short one.
        """
        if path is None:
            return cls()
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read as a file of API keys; give one key a line") from error
        keys = [line for line in lines if line and not line.startswith("#")]
        if not keys or min(map(len, keys)) < SHORTEST_KEY:
            raise InputError(
                f"{path} needs API keys of at least {SHORTEST_KEY} characters, one a line, such as those of: "
                "openssl rand -hex 24"
            )
        return cls(tuple(_digest(key) for key in keys))

    def admits(self, key: str | None) -> bool:
        """Whether a key is one of them; the time it takes does not depend on which."""
        if not self.digests:
            return True
        given = _digest(key or "")
        return any([hmac.compare_digest(given, digest) for digest in self.digests])


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


#: Bits of an IPv6 address that are one client's: a /64 is the smallest net that is given out (RFC 6177).
CLIENT_BITS = 64


def client_of(address: str) -> str:
    """Whose address it is: an IPv6 address is its /64 net's, one that maps an IPv4 address is that one's.

    Args:
        address: as the server has it; what is no address is a client of that name.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), CLIENT_BITS), strict=False))


@dataclass
class RateLimit:
    """A bucket a client that fills at a steady rate; two seconds of it may be used at once."""

    rate: float
    """Requests a second; 0 for no limit."""
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, repr=False)

    def wait(self, client: str) -> float:
        """Seconds that a client has to wait before its next request; 0 where it may go on."""
        if self.rate <= 0:
            return 0.0
        now, most = self.clock(), max(2 * self.rate, 1.0)
        left, at = self._buckets.pop(client, (most, now))
        left = min(left + (now - at) * self.rate, most)
        admitted = left >= 1
        self._buckets[client] = (left - 1 if admitted else left, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if admitted else (1 - left) / self.rate
