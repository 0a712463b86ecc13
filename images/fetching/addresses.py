"""Which addresses belong to the public internet, and to nothing nearer."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# All of IPv6 that is given to the public; what lies outside is local, embedded or not assigned.
_PUBLIC_V6 = IPv6Network("2000::/3")
# Inside of it, or of what Python calls global: tunnels and translations that embed an IPv4 address,
# documentation, benchmarks, relays.
_SPECIAL: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24"),
        *("192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)


def is_public(address: Address) -> bool:
    """Whether `address` is a host on the public internet. Doubtful ones are not."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address) and address not in _PUBLIC_V6:
        return False
    return not any(address in network for network in _SPECIAL)
