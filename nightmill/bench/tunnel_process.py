"""Our side of the tunnel bench: one forward over one connection. It says when it is there."""

import argparse
import asyncio
from pathlib import Path

import asyncssh

from jobs.endpoints import Endpoint
from nightmill.embedded.lifeline import end_with_parent
from tunnel.forward import Forward
from tunnel.line import CIPHERS
from tunnel.traffic import Forwards


async def _forward(options: argparse.Namespace) -> None:
    listen, to = Endpoint.parse(options.listen), Endpoint.parse(options.to)
    forwards = Forwards()
    await forwards.want((Forward("local", listen, to, "none"),))
    conn = await asyncssh.connect(
        "127.0.0.1",
        options.port,
        username=options.user,
        client_keys=[str(options.key_file)],
        known_hosts=str(options.known_hosts_file),
        config=None,
        agent_path=None,
        encryption_algs=CIPHERS,
    )
    await forwards.attach(conn)
    await conn.wait_closed()


def main() -> None:
    """Forward until the parent is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lifeline-fd", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--known-hosts-file", type=Path, required=True)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--to", required=True)
    options = parser.parse_args()
    end_with_parent(options.lifeline_fd)
    asyncio.run(_forward(options))


if __name__ == "__main__":
    main()
