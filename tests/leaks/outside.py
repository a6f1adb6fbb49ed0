"""A network namespace with no way out, in which whatever tries to get out is counted.

Everything but loopback leads to a tunnel device that this process holds the other end of: each
packet that leaves is read here, and goes no further. For Linux.
"""

import ctypes
import fcntl
import os
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = b"out0"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_SIOCSIFFLAGS, _SIOCGIFFLAGS, _SIOCSIFADDR, _SIOCADDRT = 0x8914, 0x8913, 0x8916, 0x890B
_SIOCGIFINDEX = 0x8933
_IFF_UP, _RTF_UP = 0x1, 0x1
#: Of documentation networks: nobody has them.
_OWN_4, _OWN_6 = "198.51.100.1", "2001:db8::1"
_ICMP_6, _HOP_BY_HOP = 58, 0


class Outside:
    """The other end of the way out."""

    def __init__(self, tunnel: int) -> None:
        self._tunnel = tunnel

    def taken(self) -> list[str]:
        """What left since the last time, a packet each, such as `UDP 203.0.113.1`.

        What was sent is in the device when sending returns: there is nothing to wait for.
        """
        packets = []
        while select.select([self._tunnel], [], [], 0)[0]:
            packet = os.read(self._tunnel, 65536)
            if not _is_of_kernel(packet):
                packets.append(_describe(packet))
        return packets


@contextmanager
def outside() -> Iterator[Outside]:
    """Make loopback work and everything else lead here; for a process in a namespace of its own."""
    _up(b"lo")
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tunnel, _TUNSETIFF, struct.pack("16sH22x", NAME, _IFF_TUN | _IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ip:
        address = _sockaddr(_OWN_4)
        fcntl.ioctl(ip, _SIOCSIFADDR, struct.pack("16s16s8x", NAME, address))
        _up(NAME)
        _lead_all_of_ipv4_here(ip)
    # Where the kernel has no IPv6, nothing can leave by it.
    with suppress(OSError):
        _lead_ipv6_here()
    try:
        yield Outside(tunnel)
    finally:
        os.close(tunnel)


def look_names_up_outside(folder: Path) -> None:
    """Ask for names at an address outside; for a process in a mount namespace of its own."""
    conf = folder / "resolv.conf"
    conf.write_text("nameserver 203.0.113.53\noptions timeout:1 attempts:1\n")
    libc = ctypes.CDLL(None, use_errno=True)
    target = os.fsencode(Path("/etc/resolv.conf").resolve())
    private, bind = 0x4000 | 0x40000, 0x1000
    if libc.mount(None, b"/", None, private, None) or libc.mount(
        os.fsencode(conf), target, None, bind, None
    ):
        raise OSError(ctypes.get_errno(), "resolv.conf cannot be replaced")


def _up(name: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ip:
        asked = fcntl.ioctl(ip, _SIOCGIFFLAGS, struct.pack("16sH22x", name, 0))
        flags = struct.unpack("16sH22x", asked)[1]
        fcntl.ioctl(ip, _SIOCSIFFLAGS, struct.pack("16sH22x", name, flags | _IFF_UP))


def _lead_ipv6_here() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as ip:
        asked = fcntl.ioctl(ip, _SIOCGIFINDEX, struct.pack("16si20x", NAME, 0))
        index = struct.unpack("16si20x", asked)[1]
        own = socket.inet_pton(socket.AF_INET6, _OWN_6)
        fcntl.ioctl(ip, _SIOCSIFADDR, struct.pack("16sIi", own, 64, index))
        route = struct.pack("48xIHHILIi", 0, 0, 0, 1, 0, _RTF_UP, index)
        fcntl.ioctl(ip, _SIOCADDRT, route)


def _lead_all_of_ipv4_here(ip: socket.socket) -> None:
    device = ctypes.create_string_buffer(NAME)
    anywhere = _sockaddr("0.0.0.0")  # noqa: S104  (the route to all addresses)
    route = struct.pack(
        "L16s16s16sHhLPhPLLH",
        *(0, anywhere, anywhere, anywhere, _RTF_UP, 0, 0, 0, 0),
        *(ctypes.addressof(device), 0, 0, 0),
    )
    fcntl.ioctl(ip, _SIOCADDRT, route)


def _sockaddr(address: str) -> bytes:
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))


def _is_of_kernel(packet: bytes) -> bool:
    """Whether it is the kernel making itself known to its neighbours, which IPv6 does unasked."""
    return packet[0] >> 4 == 6 and packet[6] in (_ICMP_6, _HOP_BY_HOP)


def _describe(packet: bytes) -> str:
    is_6 = packet[0] >> 4 == 6
    protocol = packet[6] if is_6 else packet[9]
    name = {6: "TCP", 17: "UDP"}.get(protocol, str(protocol))
    if is_6:
        return f"{name} {socket.inet_ntop(socket.AF_INET6, packet[24:40])}"
    return f"{name} {socket.inet_ntoa(packet[16:20])}"
