"""The release that a command is about: from a file, or by name from the cluster with the user's own rights."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headgate.api.fields import Manifest
from headgate.api.names import API_VERSION, KIND
from headgate.api.problems import spec_problems
from headgate.api.release import Release, read_release
from headgate.api.spec import Spec


class UsageError(Exception):
    """Why a command can't be carried out, in one sentence with what to do."""


@dataclass(frozen=True)
class Subject:
    """A release whose spec can be read, and the object that leads to its Service where that is known."""

    release: Release
    entry: Manifest | None = None

    @property
    def spec(self) -> Spec:
        """The spec, which was checked."""
        if self.release.spec is None:
            raise UsageError(self.release.problem)
        return self.release.spec

    @property
    def title(self) -> str:
        return f"{self.release.namespace}/{self.release.name}"


def subject_of(given: argparse.Namespace) -> Subject:
    """The release that the options name. Raises UsageError."""
    if bool(given.filename) == bool(given.name):
        raise UsageError("name the release by -f FILE, or by NAME for one in the cluster: one of the two")
    if given.filename:
        return subject_from_file(given.filename, given.namespace)
    return subject_by_name(given.name, given.namespace, given.kubeconfig, given.context)


def subject_from_file(path: str, namespace: str | None) -> Subject:
    """The one CanaryRelease in a YAML or JSON file (`-` is standard input), and its way in if that is there too."""
    manifests = _documents(path)
    releases = [one for one in manifests if one.get("kind") == KIND]
    if len(releases) != 1:
        found = f"several {KIND}s" if releases else f"no {KIND}"
        raise UsageError(f"{path} holds {found}: give a file with one")
    manifest = releases[0]
    if manifest.get("apiVersion") != API_VERSION:
        raise UsageError(f"{path}: apiVersion must be {API_VERSION}")
    metadata = {"name": "unnamed", "namespace": "default", **(manifest.get("metadata") or {})}
    metadata |= {"namespace": namespace} if namespace else {}
    problems = spec_problems(manifest.get("spec") or {})
    if problems:
        raise UsageError(f"{path}: " + "; ".join(problems))
    release = read_release({**manifest, "metadata": metadata})
    if release.spec is None or release.problem:
        raise UsageError(f"{path}: {release.problem}")
    ref = release.spec.traffic.entry
    wanted = ref and (ref.kind, ref.name)
    named = (one for one in manifests if (one.get("kind"), (one.get("metadata") or {}).get("name")) == wanted)
    return Subject(release, next(named, None))


def _documents(path: str) -> Sequence[Manifest]:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        found = [document for document in yaml.safe_load_all(text) if document]
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    items = [item for document in found for item in _items(document)]
    if any(not isinstance(item, dict) or not isinstance(item.get("metadata") or {}, dict) for item in items):
        raise UsageError(f"{path} holds something that is no Kubernetes object")
    return items


def _items(document: Any) -> list[Any]:  # noqa: ANN401 (YAML may hold anything)
    """The items of a List, as kubectl writes it, or the document itself."""
    items = document.get("items") if isinstance(document, dict) else None
    return items if isinstance(items, list) else [document]


def subject_by_name(name: str, namespace: str | None, kubeconfig: str | None, context: str | None) -> Subject:
    """A CanaryRelease in the cluster and its way in, read with the rights of the kubeconfig."""
    # The client takes half a second to import, which commands on files are spared.
    from headgate.cluster.client import ApiError, ConnectionProblemError  # noqa: PLC0415

    try:
        return asyncio.run(_read(name, namespace, kubeconfig, context))
    except ConnectionProblemError as error:
        raise UsageError(str(error)) from None
    except ApiError as error:
        where = f"{KIND} {name} in namespace {namespace or 'default'}"
        known = {
            403: f"you may not read {where}: give it by -f FILE, or ask for that right",
            404: f"there is no {where}: give its namespace with -n",
        }
        raise UsageError(known.get(error.status, error.message)) from None


async def _read(name: str, namespace: str | None, kubeconfig: str | None, context: str | None) -> Subject:
    from headgate.cluster.client import ApiError, KubeClient, connect  # noqa: PLC0415
    from headgate.cluster.kept import Place, ref_at  # noqa: PLC0415
    from headgate.cluster.resources import RELEASES  # noqa: PLC0415
    from headgate.release.decision import Ref  # noqa: PLC0415

    api = await connect(kubeconfig or os.environ.get("KUBECONFIG") or _own_kubeconfig(), context)
    try:
        client = KubeClient(api)
        where = namespace or "default"
        release = read_release(await client.get(Ref(RELEASES.api_version, RELEASES.kind, where, name)))
        if release.spec is None:
            raise UsageError(f"{KIND} {where}/{name}: {release.problem}")
        entry, named = None, release.spec.traffic.entry
        if named is not None:
            try:
                entry = await client.get(ref_at(Place(named.kind, where, named.name)))
            except ApiError as error:
                if error.status not in {403, 404}:
                    raise
        return Subject(release, entry)
    finally:
        await api.close()


def _own_kubeconfig() -> str | None:
    path = Path.home() / ".kube" / "config"
    return str(path) if path.exists() else None
