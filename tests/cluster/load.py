"""Ask a site at a steady rate while it changes, and count every request that failed.

    python load.py http://localhost:8080 --requests 10000 --rate 125 [--websocket]

It prints JSON. A request failed if it got no answer, or another than it should. Notes are posted with a
number each; `twice` counts those that are on the board more than once.
"""

import argparse
import asyncio
import collections
import itertools
import json
import re
import secrets
import time
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PATIENCE = 30  # seconds


class Load:
    """A browser of many tabs: pages, the assets that they name, and forms."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client, self.run = client, secrets.token_hex(4)
        self.failed: collections.Counter[str] = collections.Counter()
        self.seconds: list[float] = []
        self.assets: list[str] = []  # of the page that was loaded first, and never again: a tab that stays open
        self.latest: list[str] = []
        self.reconnects = 0

    async def ask(self, number: int) -> None:
        """Send the request with this number, which says what kind it is, and note how it went."""
        kind = ("page", "asset", "old asset", "board", "post")[number % 5]
        begun = time.monotonic()
        try:
            status = await self.send(kind, number)
        except httpx.HTTPError as error:
            status = type(error).__name__
        self.seconds.append(time.monotonic() - begun)
        if status != (302 if kind == "post" else 200):
            self.failed[f"{kind}: {status}"] += 1

    async def send(self, kind: str, number: int) -> Any:
        """Send one request and return its status."""
        if kind == "post":
            data = {"text": f"{self.run}-{number}-", "csrfmiddlewaretoken": self.client.cookies["csrftoken"]}
            return (
                await self.client.post("/board/", data=data, headers={"Referer": str(self.client.base_url)})
            ).status_code
        if "asset" in kind:
            return (await self.client.get((self.assets if "old" in kind else self.latest)[number % 2])).status_code
        answer = await self.client.get("/" if kind == "page" else "/board/")
        if kind == "board" and answer.status_code == 200:
            self.latest = re.findall(r"/static/[^\"']+\.[0-9a-f]{12}\.\w+", answer.text)[:2]
            self.assets = self.assets or self.latest
        return answer.status_code

    async def stay_connected(self, url: str) -> None:
        """Talk over a websocket, and connect again at once when it is closed, or dropped without a word."""
        for attempt in itertools.count():
            self.reconnects, connected = attempt, False
            try:
                async with connect(url, open_timeout=PATIENCE) as websocket:
                    connected = True
                    while True:
                        await asyncio.sleep(0.5)
                        await websocket.send("still there?")
                        await asyncio.wait_for(websocket.recv(), PATIENCE)
            except (WebSocketException, OSError) as error:
                if not connected:
                    self.failed[f"websocket: {type(error).__name__}"] += 1
                elif not getattr(error, "rcvd", None):
                    self.failed["websocket: dropped"] += 1

    async def posted_twice(self, numbers: range) -> int:
        """Return how many notes are on the board more than once."""
        found: collections.Counter[str] = collections.Counter()
        for page in range(1, len(numbers) // 20 + 1):
            found.update(re.findall(rf"{self.run}-\d+-", (await self.client.get(f"/board/?page={page}")).text))
        return sum(times > 1 for times in found.values())


async def main(url: str, rate: int, requests: int, websocket: bool) -> None:
    """Put the load on a site and print what came of it."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, limits=limits, trust_env=False) as client:
        load = Load(client)
        await load.send("board", 0)
        talking = (
            asyncio.create_task(load.stay_connected(f"{url.replace('http', 'ws', 1)}/echo")) if websocket else None
        )
        begun, under_way = time.monotonic(), set()
        for number in range(requests):
            await asyncio.sleep(begun + number / rate - time.monotonic())
            under_way.add(asyncio.create_task(load.ask(number)))
        await asyncio.gather(*under_way)
        if talking:
            talking.cancel()
        slow = sorted(load.seconds)
        print(
            json.dumps(
                {
                    "requests": requests,
                    "failed": sum(load.failed.values()),
                    "why": load.failed,
                    "median_ms": round(1000 * slow[requests // 2]),
                    "slowest_ms": round(1000 * slow[-1]),
                    "over_250_ms": sum(one > 0.25 for one in slow),
                    "reconnects": load.reconnects,
                    "twice": await load.posted_twice(range(requests // 5)),
                }
            )
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=125)
    parser.add_argument("--websocket", action="store_true")
    given = parser.parse_args()
    asyncio.run(main(given.url, given.rate, given.requests, given.websocket))
