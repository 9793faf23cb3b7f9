"""`inv up --with watch`: Prometheus asks every replica, and its page says how each view does."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator

import pytest

from checkout import Checkout
from stack import have
from support import free_port, get, one_sentence, wait_until

WATCH = "compose/watch.yaml"
# Where no registry answers, Debian's Prometheus, called and laid out as the official image.
STAND_IN = """
FROM postgres:17
USER root
RUN apt-get update && apt-get install --yes --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/*
RUN install --directory --owner nobody --group nogroup /prometheus
WORKDIR /prometheus
USER nobody
ENTRYPOINT ["prometheus"]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout that is asked for its metrics every second."""
    checkout = Checkout(tmp_path_factory.mktemp("watch"), f"djk8s-watch-{secrets.token_hex(3)}")
    checkout.environment["INVOKE_UP_WATCH_PORT"] = str(free_port())
    file = checkout.folder / WATCH
    text = file.read_text()
    assert "scrape_interval: 15s" in text
    file.write_text(text.replace("scrape_interval: 15s", "scrape_interval: 1s"))
    have(re.findall("image: (prom/.*)", text)[0], STAND_IN)
    yield checkout
    checkout.inv("clean", "--volumes")


def row(page: str, view: str) -> list[str]:
    """Return what the page says of a view: requests, errors, median, and what 95 % take."""
    found = re.search(rf"<td>{view}</td>\s*" + r"<td>(.*?)</td>\s*" * 4, page)
    return list(found.groups()) if found else []


def test_site_that_does_not_count_is_told_what_is_missing(site: Checkout) -> None:
    refused = site.inv("up", "--with", "watch", "--detach")
    assert refused.returncode == 1
    assert one_sentence(refused.stderr).startswith(
        "--with watch needs django-prometheus, but requirements.txt has none"
    )
    assert not (site.folder / ".env").exists()


def test_page_has_every_replica_and_every_view(site: Checkout) -> None:
    with (site.folder / "requirements.in").open("a") as packages:
        packages.write("django-prometheus~=2.5\n")
    (site.folder / "src/myproj/urls.py").open("a").write(
        "\n\ndef fails(request):\n    raise RuntimeError\n\nurlpatterns.append(path('fails', fails, name='fails'))\n"
    )
    for words in (("lock",), ("up", "--with", "proxy", "--with", "watch", "--scale", "web=2", "--detach")):
        done = site.inv(*words)
        assert done.returncode == 0, done.stderr
    address = f"http://localhost:{site.environment['INVOKE_UP_WATCH_PORT']}/consoles/site.html"
    assert f"Metrics at {address}" in done.stderr
    wait_until(lambda: "2 of 2 replicas answer" in " ".join(get(address).text.split()))

    def asked() -> bool:
        for path in ("/", "/fails"):
            get(f"http://localhost:{site.up_port}{path}")
        page = get(address).text
        return bool(row(page, "home") and row(page, "fails") and float(row(page, "fails")[1]))

    wait_until(asked)
    page = get(address).text
    requests, errors, median, most = row(page, "home")
    assert (float(requests) > 0, errors) == (True, "0.00")
    assert median.endswith("s") and most.endswith("s")
    assert float(row(page, "all")[0]) >= float(requests)
    assert float(row(page, "all")[1]) > 0


def test_metrics_are_not_for_everybody(site: Checkout) -> None:
    assert get(f"http://localhost:{site.up_port}/metrics").status == 401
    token = re.findall("^METRICS_TOKEN=(.+)$", (site.folder / ".env").read_text(), re.MULTILINE)[0]
    assert get(f"http://localhost:{site.up_port}/metrics", Authorization=f"Bearer {token}").status == 200


def test_numbers_outlast_the_containers(site: Checkout) -> None:
    before = time.time()
    for words in (("down",), ("up", "--with", "watch", "--no-build", "--detach")):
        done = site.inv(*words)
        assert done.returncode == 0, done.stderr
    answer = get(f"http://localhost:{site.environment['INVOKE_UP_WATCH_PORT']}/api/v1/query?query=up&time={before}")
    assert len(json.loads(answer.text)["data"]["result"]) == 2  # the replicas that were
