"""Artifact store of the stand-in for W&B's server: files, and which run made and used which artifact."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Fields = dict[str, Any]


class RefusedError(Exception):
    """The server answers with an error instead of data."""


@dataclass
class Version:
    """A version of an artifact.

    It gets its index and its files when it is committed. `maker` is None if no run made it, only used it.
    """

    id: str
    client_id: str
    type: str
    collection: str
    digest: str
    maker: str | None
    metadata: Fields
    wanted_aliases: list[str]
    state: str = "PENDING"
    index: int | None = None
    aliases: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    manifest_digest: str = ""
    manifest: bytes | None = None

    @property
    def name(self) -> str:
        return f"{self.collection}:v{self.index}"


@dataclass(frozen=True)
class Lineage:
    """Names of the artifact versions that a run used and made."""

    used: frozenset[str]
    made: frozenset[str]


class ArtifactStore:
    """Answers operations on artifacts, stores uploads, and refuses invalid requests.

    Args:
        url: URL of the server.
        has_run: Function that tells whether there is a run of this name.
    """

    def __init__(self, url: str, has_run: Callable[[str | None], bool]) -> None:
        self.versions: list[Version] = []
        self._url, self._has_run = url, has_run
        self._announced: dict[str, tuple[Version, str]] = {}  # path -> version that the upload belongs to, and its MD5
        self._blobs: dict[
            str, tuple[str, bytes]
        ] = {}  # MD5 -> id of the first version with this content, and the content
        self._lock = threading.Lock()
        self.operations: dict[str, Callable[[Fields], Fields]] = {
            "ArtifactType": self._type,
            "CreateArtifact": self._create,
            "CreateArtifactManifest": self._create_manifest,
            "CreateArtifactFiles": self._create_files,
            "CommitArtifact": self._commit,
            "UseArtifact": self._use,
            "ArtifactByID": self._by_id,
        }

    def answer(self, operation: str, variables: Fields) -> Fields:
        with self._lock:
            return self.operations[operation](variables)

    def lineage(self, run: str) -> Lineage:
        done = [version for version in self.versions if version.state == "COMMITTED"]
        return Lineage(
            frozenset(version.name for version in done if run in version.users),
            frozenset(version.name for version in done if version.maker == run),
        )

    def of_type(self, kind: str) -> list[Version]:
        """Return committed and pending versions of a type, the oldest first."""
        return [version for version in self.versions if version.type == kind]

    def put(self, path: str, body: bytes, headers: Mapping[str, str]) -> bool:
        """Store an upload; return False if it was not announced, or has other content than announced."""
        with self._lock:
            version, md5 = self._announced.get(path, (None, None))
            if version is None or not md5 == b64_md5(body) == headers.get("content-md5"):
                return False
            if path.startswith("/artifacts/manifest/"):
                version.manifest = body
            self._blobs.setdefault(md5, (version.id, body))
            return True

    def _type(self, variables: Fields) -> Fields:
        collection, _, alias = variables["name"].partition(":")
        matches = [v for v in self.versions if v.collection == collection and alias in v.aliases]
        return {"project": {"artifact": {"artifactType": {"name": matches[0].type}} if matches else None}}

    def _create(self, variables: Fields) -> Fields:
        new = variables["input"]
        siblings = [version for version in self.versions if version.collection == new["artifactCollectionName"]]
        self._check(new, siblings)
        version = self._find_same(siblings, new) or self._add(new)
        if version.state == "COMMITTED":
            self._give_aliases(version, _aliases(new))
        latest = [{"id": sibling.id} for sibling in siblings if "latest" in sibling.aliases]
        fields: Fields = {"id": version.id, "state": version.state}
        fields["artifactSequence"] = {"latestArtifact": latest[0] if latest else None}
        return {"createArtifact": {"artifact": fields}}

    def _check(self, new: Fields, siblings: list[Version]) -> None:
        if new["runName"] is not None and not self._has_run(new["runName"]):
            raise RefusedError(f"there is no run {new['runName']}")
        if new["digestAlgorithm"] != "MANIFEST_MD5":
            raise RefusedError(f"unknown digest algorithm {new['digestAlgorithm']}")
        if any(version.type != new["artifactTypeName"] for version in siblings):
            raise RefusedError(f"{new['artifactCollectionName']} exists with another type")

    def _add(self, new: Fields) -> Version:
        version = Version(
            id=base64.b64encode(f"Artifact:{len(self.versions)}".encode()).decode(),
            client_id=new["clientID"],
            type=new["artifactTypeName"],
            collection=new["artifactCollectionName"],
            digest=new["digest"],
            maker=new["runName"],
            metadata=json.loads(new["metadata"] or "{}"),
            wanted_aliases=_aliases(new),
        )
        self.versions.append(version)
        return version

    def _find_same(self, siblings: list[Version], new: Fields) -> Version | None:
        """Return the existing version if a client repeats its request, or sends the same content again."""
        for version in siblings:
            same = (version.state, version.digest) == ("COMMITTED", new["digest"])
            if version.client_id == new["clientID"] or (same and new["enableDigestDeduplication"]):
                return version
        return None

    def _create_manifest(self, variables: Fields) -> Fields:
        version = self._pending(variables["artifactID"])
        if (variables["manifestType"], variables["name"]) != ("FULL", "wandb_manifest.json"):
            raise RefusedError(f"unknown manifest {variables['manifestType']} {variables['name']}")
        version.manifest_digest = variables["digest"]
        upload = (
            self._upload("manifest", version, variables["name"], variables["digest"])
            if variables["includeUpload"]
            else {}
        )
        manifest = {"id": f"Manifest:{version.id}", "file": {"id": "File", **upload}}
        return {"createArtifactManifest": {"artifactManifest": manifest}}

    def _create_files(self, variables: Fields) -> Fields:
        nodes = []
        for spec in variables["input"]["artifactFiles"]:
            version, md5 = self._pending(spec["artifactID"]), spec["md5"]
            if spec["artifactManifestID"] != f"Manifest:{version.id}" or spec.get("uploadPartsInput"):
                raise RefusedError(f"cannot take {spec}")
            birth = self._blobs.get(md5, (version.id, b""))[0]
            upload = self._upload("file", version, spec["name"], md5)
            if md5 in self._blobs:
                upload["uploadUrl"] = None  # the server has this content already
            nodes.append({"storagePath": md5, "uploadMultipartUrls": None, "artifact": {"id": birth}, **upload})
        return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}

    def _upload(self, kind: str, version: Version, name: str, md5: str) -> Fields:
        path = f"/artifacts/{kind}/{quote(version.id, safe='')}/{quote(name, safe='')}"
        self._announced[path] = version, md5
        return {"uploadUrl": self._url + path, "uploadHeaders": [f"Content-MD5:{md5}"]}

    def _commit(self, variables: Fields) -> Fields:
        version = self._find(variables["artifactID"])
        if version.state == "PENDING":  # otherwise a client repeats a request whose answer it did not receive
            self._complete(version)
        return {"commitArtifact": {"artifact": {"id": version.id, "digest": version.digest}}}

    def _complete(self, version: Version) -> None:
        if version.manifest is None or b64_md5(version.manifest) != version.manifest_digest:
            raise RefusedError("the manifest is missing")
        entries = {name: entry["digest"] for name, entry in json.loads(version.manifest)["contents"].items()}
        if missing := [name for name, md5 in entries.items() if md5 not in self._blobs]:
            raise RefusedError(f"files are missing: {missing}")
        if _artifact_digest(entries) != version.digest:
            raise RefusedError("the digest does not fit the files")
        version.files = {name: self._blobs[md5][1] for name, md5 in entries.items()}
        version.state = "COMMITTED"
        version.index = sum(v.state == "COMMITTED" for v in self.versions if v.collection == version.collection) - 1
        self._give_aliases(version, [*version.wanted_aliases, f"v{version.index}"])

    def _use(self, variables: Fields) -> Fields:
        use = variables.get("input", variables)
        version = self._find(use["artifactID"])
        if version.state != "COMMITTED" or not self._has_run(use["runName"]):
            raise RefusedError(f"{use['runName']} cannot use {version.collection}, which is {version.state}")
        version.users.add(use["runName"])
        return {"useArtifact": {"artifact": {"id": version.id}}}

    def _by_id(self, variables: Fields) -> Fields:
        version = self._find(variables["id"])
        project = {"id": "p", "internalId": "p", "name": "pix2style", "entity": {"name": "me"}}
        sequence = {"__typename": "ArtifactSequence", "name": version.collection, "project": project}
        aliases = [
            {"__typename": "ArtifactAlias", "id": alias, "alias": alias, "artifactCollection": sequence}
            for alias in sorted(version.aliases)
        ]
        fields: Fields = {"__typename": "Artifact", "id": version.id, "artifactSequence": sequence, "aliases": aliases}
        fields |= {"versionIndex": version.index, "artifactType": {"name": version.type}, "description": None}
        fields |= {"metadata": json.dumps(version.metadata), "ttlDurationSeconds": -1, "ttlIsInherited": True}
        fields |= {"tags": [], "historyStep": None, "state": version.state, "digest": version.digest}
        fields |= {"size": sum(map(len, version.files.values())), "fileCount": len(version.files)}
        return {"artifact": fields | {"commitHash": None, "createdAt": "2026-01-01T00:00:00Z", "updatedAt": None}}

    def _find(self, version_id: str) -> Version:
        for version in self.versions:
            if version.id == version_id:
                return version
        raise RefusedError(f"there is no artifact {version_id}")

    def _pending(self, version_id: str) -> Version:
        version = self._find(version_id)
        if version.state != "PENDING":
            raise RefusedError(f"{version.name} is {version.state} and stays as it is")
        return version

    def _give_aliases(self, version: Version, aliases: list[str]) -> None:
        for sibling in self.versions:
            if sibling.collection == version.collection:
                sibling.aliases -= set(aliases)
        version.aliases |= set(aliases)


def _aliases(new: Fields) -> list[str]:
    return [alias["alias"] for alias in new["aliases"] or []]


def b64_md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _artifact_digest(entries: Mapping[str, str]) -> str:
    """Compute W&B's digest of an artifact, from its files' names and digests."""
    lines = "".join(f"{name}:{digest}\n" for name, digest in sorted(entries.items()))
    return hashlib.md5(f"wandb-artifact-manifest-v1\n{lines}".encode(), usedforsecurity=False).hexdigest()
