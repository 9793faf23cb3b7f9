"""A build takes uv's and pip's own files and a company's authority as secrets, and the image has none of them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import pytest

from boxed import docker, found_in
from container import company
from support import ROOT, run


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[company.Company]:
    one = company.Company(tmp_path_factory.mktemp("company"))
    try:
        yield one.ready()
    finally:
        docker("rm", "--force", "--volumes", one.container)
        run("docker", "image", "rm", "--force", company.IMAGE)


def test_every_package_comes_from_the_index_and_no_secret_stays(index: company.Company) -> None:
    built = index.build("pip.conf", "uv.toml", "ca.crt")
    assert built.returncode == 0, built.stderr
    assert index.password not in built.stderr
    assert index.downloaded() == index.wheels()
    assert {wheel.split("-")[0] for wheel in index.wheels()} >= {"uv", "django"}
    login = base64.b64encode(f"builder:{index.password}".encode())
    certificate = index.authority.cert_pem.bytes().splitlines()[1]
    # That a file of the code is found shows that the secrets would be.
    known = (ROOT / "src" / "manage.py").read_bytes()
    texts = {known, index.password.encode(), index.address.encode(), login, certificate}
    assert found_in(company.IMAGE, texts) == {known}


def test_index_is_not_trusted_without_the_authority(index: company.Company) -> None:
    refused = index.build("pip.conf", "uv.toml")
    assert refused.returncode == 1
    assert re.search("certificate.verify.failed", refused.stderr, re.IGNORECASE), refused.stderr


def test_wrong_password_is_refused(index: company.Company) -> None:
    refused = index.build("pip.conf", "uv.toml", "ca.crt", password="wrong")
    assert refused.returncode == 1
    assert re.search(r"\b401\b", refused.stderr), refused.stderr
