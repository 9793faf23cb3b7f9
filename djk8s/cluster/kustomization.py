"""The kustomization of one release: an overlay of kubernetes/, with the image, the settings and the release's name.

    python -m djk8s.cluster.kustomization FOLDER OVERLAY NAMESPACE IMAGE REPLICAS RELEASE [WORD] > …

FOLDER has a file for each setting; WORD is one more for the migration. https://kubectl.docs.kubernetes.io/references/kustomize/
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from djk8s.cluster.release import RELEASE


def kustomization(
    names: Iterable[str], overlay: str, namespace: str, image: str, replicas: str, release: str, *words: str
) -> dict[str, Any]:
    """Return what kustomize reads; `names` are of the files with the settings, `release` is kept as an annotation."""
    noted = {"name": "web", "annotations": {RELEASE: release}}
    fewest = [{"op": "replace", "path": "/spec/minReplicas", "value": int(replicas)}]
    more = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": word} for word in words]
    patches: list[dict[str, Any]] = [
        {"patch": json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": noted})},
        {"target": {"kind": "HorizontalPodAutoscaler", "name": "web"}, "patch": json.dumps(fewest)},
    ]
    if more:
        patches.append({"target": {"kind": "Job", "name": "migrate"}, "patch": json.dumps(more)})
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": [overlay],
        "images": [named(image)],
        "secretGenerator": [{"name": "settings", "files": [f"settings/{name}" for name in sorted(names)]}],
        "generatorOptions": {"labels": {"apply": "first"}},
        "patches": patches,
    }


def named(image: str) -> dict[str, str]:
    """Return what kustomize writes instead of the image `site`."""
    name, _, digest = image.partition("@")
    tag = re.search(r":([^/:]+)$", name)
    found = {"name": "site", "newName": name[: tag.start()] if tag else name}
    return {**found, **({"digest": digest} if digest else {"newTag": tag[1]} if tag else {})}


if __name__ == "__main__":
    given = [file.name for file in Path(sys.argv[1]).iterdir()]
    print(json.dumps(kustomization(given, *sys.argv[2:]), indent=2))
