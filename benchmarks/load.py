"""A client of one core: HTTP/1.1 over connections that stay open, cheap enough that servers are what is measured."""

from __future__ import annotations

import re
import select
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
BUSY_SECONDS = 0.002
"""Waits that are shorter are spent looking, as the system's own are of whole milliseconds."""


@dataclass
class Outcome:
    """What came back."""

    seconds: float = 0.0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Requests that were answered with 200, a second."""
        return len(self.latencies) / self.seconds

    def milliseconds(self, percent: float) -> float:
        """A percentile of the time to an answer."""
        return float(np.percentile(self.latencies, percent)) * 1e3


def request(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A POST as it goes over the wire."""
    fields = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


class _Connection:
    """One that waits for at most one answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.begun = 0.0
        self._got = b""
        self._connect()

    def _connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, wire: bytes, begun: float) -> None:
        self.begun = begun
        self.socket.sendall(wire)

    def status(self) -> int | None:
        """Status of the answer, 0 where the server hung up; None while it is not whole."""
        try:
            got = self.socket.recv(1 << 18)
        except OSError:
            got = b""
        if not got:
            return 0
        got = self._got + got
        head = got.find(b"\r\n\r\n")
        length = _LENGTH.search(got, 0, head) if head > 0 else None
        if length is None or len(got) < head + 4 + int(length[1]):
            self._got = got
            return None
        self._got = b""
        return int(got[9:12])

    def again(self) -> None:
        """Connect anew."""
        self.socket.close()
        self._got = b""
        self._connect()


def load(
    port: int, requests: Sequence[bytes], seconds: float, connections: int = 1, rate: float | None = None
) -> Outcome:
    """Send requests in turn for so many seconds.

    Parameters
    ----------
    connections
        That are open; each has at most one request under way.
    rate
        Requests a second, whether or not the earlier ones are answered: the time to an answer counts from when its
        request was due. None sends the next one when the last is answered, so that the server is never idle.
    """
    outcome = Outcome()
    poll = select.epoll()
    known = {connection.socket.fileno(): connection for connection in map(_Connection, [port] * connections)}
    for descriptor in known:
        poll.register(descriptor, select.EPOLLIN)
    idle = deque(known.values())
    begun = now = time.perf_counter()
    end, sent = begun + seconds, 0
    while now < end or len(idle) < connections:
        while idle and now < end and (rate is None or begun + sent / rate <= now):
            idle.popleft().send(requests[sent % len(requests)], now if rate is None else begun + sent / rate)
            sent += 1
        wait = 1.0 if rate is None or not idle or now >= end else begun + sent / rate - now
        for descriptor, _ in poll.poll(wait if wait > BUSY_SECONDS else 0):
            connection = known[descriptor]
            status = connection.status()
            if status is None:
                continue
            if status == 200:
                outcome.latencies.append(time.perf_counter() - connection.begun)
            else:
                outcome.failed += 1
            if status == 0:
                known.pop(descriptor)
                connection.again()
                known[connection.socket.fileno()] = connection
                poll.register(connection.socket, select.EPOLLIN)
            if connection not in idle:
                idle.append(connection)
        now = time.perf_counter()
    outcome.seconds = now - begun
    poll.close()
    for connection in known.values():
        connection.socket.close()
    return outcome
