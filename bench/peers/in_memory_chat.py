"""A minimal chat server to compare with: one process, nothing stored, no order to keep, no Lambda."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.typing import Subprotocol


async def main() -> None:
    rooms: defaultdict[str, set[ServerConnection]] = defaultdict(set)

    async def chat(socket: ServerConnection) -> None:
        assert socket.request is not None
        name = parse_qs(urlsplit(socket.request.path).query)["room"][0]
        rooms[name].add(socket)
        try:
            async for frame in socket:
                request = json.loads(frame)
                message = {
                    "seq": 1,
                    "id": request["ref"],
                    "user": "u",
                    "name": "n",
                    "message": request["message"],
                }
                broadcast(rooms[name], json.dumps({"type": "messages", "room": name, "messages": [message]}))
        finally:
            rooms[name].discard(socket)

    protocol = [Subprotocol("roomcast.v1")]
    async with serve(chat, "127.0.0.1", 0, subprotocols=protocol, compression=None, backlog=1024) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"ready: socket ws://127.0.0.1:{port}/prod", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
