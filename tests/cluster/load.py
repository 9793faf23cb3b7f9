"""Ask a site at a steady rate while it changes, and count every request that failed.

    python load.py http://localhost:8080 --requests 10000 --rate 125 [--websocket] [--until-told]

It prints JSON. A request failed if it got no answer, or another than it should. It is a browser of many tabs:
a GET whose kept connection was closed under it is sent again, a form never. Notes are posted with a number
each; `twice` counts those that are on the board more than once. With `--until-told` it asks at least so many
requests, and goes on until SIGTERM: a slow deploy ends no sooner than its load.
"""

import argparse
import asyncio
import collections
import itertools
import json
import re
import secrets
import signal
import time
from contextlib import suppress

from aiohttp import ClientError, ClientSession, ClientTimeout, CookieJar, TCPConnector, WSCloseCode

PATIENCE = 30  # seconds
DROPPED = (None, WSCloseCode.ABNORMAL_CLOSURE)  # how a websocket ends that nobody closed


class Load:
    """Pages, the assets that they name, forms, and a websocket."""

    def __init__(self, session: ClientSession) -> None:
        self.session, self.run = session, secrets.token_hex(4)
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
            got = str(await self.send(kind, number))
        except (ClientError, TimeoutError) as error:
            got = type(error).__name__
        self.seconds.append(time.monotonic() - begun)
        if got != ("302" if kind == "post" else "200"):
            self.failed[f"{kind}: {got}"] += 1

    async def send(self, kind: str, number: int) -> int:
        """Send one request and return its status."""
        if kind == "post":
            return await self.post(number)
        paths = {"page": "/", "board": "/board/"}
        path = paths.get(kind) or (self.assets if "old" in kind else self.latest)[number % 2]
        async with self.session.get(path, allow_redirects=False) as answer:
            body = await answer.read()
        if kind == "board" and answer.status == 200:
            self.latest = re.findall(r"/static/[^\"']+\.[0-9a-f]{12}\.\w+", body.decode())[:2]
            self.assets = self.assets or self.latest
        return answer.status

    async def post(self, number: int) -> int:
        """Post a note with this number."""
        token = next(cookie.value for cookie in self.session.cookie_jar if cookie.key == "csrftoken")
        data = {"text": f"{self.run}-{number}-", "csrfmiddlewaretoken": token}
        async with self.session.post("/board/", data=data, allow_redirects=False) as answer:
            return answer.status

    async def stay_connected(self) -> None:
        """Talk over a websocket, and connect again at once when it is closed, or dropped without a word."""
        for self.reconnects in itertools.count():
            try:
                async with self.session.ws_connect("/echo") as websocket:
                    while not websocket.closed:
                        with suppress(ConnectionResetError):  # what closed it is said by `receive`
                            await websocket.send_str("still there?")
                        await websocket.receive(PATIENCE)
                        await asyncio.sleep(0.5)
                if websocket.close_code in DROPPED:
                    self.failed["websocket: dropped"] += 1
            except (ClientError, TimeoutError) as error:
                self.failed[f"websocket: {type(error).__name__}"] += 1

    async def posted_twice(self, posts: int) -> int:
        """Return how many notes are on the board more than once."""
        found: set[tuple[str, str]] = set()  # with the number that the site gave
        for page in range(1, posts // 20 + 2):
            async with self.session.get(f"/board/?page={page}") as answer:
                found.update(re.findall(rf'id="note-(\d+)">\s*<p[^>]*>({self.run}-\d+-)', await answer.text()))
        assert found, "no note is on the board"
        return len(found) - len({text for _, text in found})


async def main(url: str, rate: int, requests: int, websocket: bool, until_told: bool) -> None:
    """Put the load on a site and print what came of it."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    if not until_told:
        told.set()
    jar = CookieJar(unsafe=True)  # which has the cookies of an address, too
    async with ClientSession(
        url,
        headers={"Referer": url},
        connector=TCPConnector(limit=0),
        cookie_jar=jar,
        timeout=ClientTimeout(PATIENCE),
    ) as session:
        load = Load(session)
        await load.send("board", 0)
        talking = asyncio.create_task(load.stay_connected()) if websocket else None
        begun, under_way = time.monotonic(), set()
        for number in itertools.count():
            if number >= requests and told.is_set():
                break
            await asyncio.sleep(begun + number / rate - time.monotonic())
            under_way.add(asyncio.create_task(load.ask(number)))
        await asyncio.gather(*under_way)
        if talking:
            talking.cancel()
        slow = sorted(load.seconds)
        counted = {
            "requests": len(slow),
            "failed": sum(load.failed.values()),
            "why": load.failed,
            "median_ms": round(1000 * slow[len(slow) // 2]),
            "slowest_ms": round(1000 * slow[-1]),
            "over_250_ms": sum(one > 0.25 for one in slow),
            "reconnects": load.reconnects,
            "twice": await load.posted_twice(len(slow) // 5),
        }
        print(json.dumps(counted))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=125)
    parser.add_argument("--websocket", action="store_true")
    parser.add_argument("--until-told", action="store_true")
    asyncio.run(main(**vars(parser.parse_args())))
