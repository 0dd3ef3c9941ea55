"""Imitate Kaggle's server on this machine for the real kagglehub."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Site:
    """The datasets and faults of the server, and the requests that it has received.

    Attributes:
        archives: Archive of each version; the highest number is the newest version.
        port: Port of the server.
        cut_after: Number of bytes after which one download is interrupted, or None.
        wrong_md5: Whether the server states a wrong checksum.
        status: HTTP status of every answer of the API.
        asked: Requests, with their Range headers.
    """

    archives: dict[int, bytes]
    port: int = 0
    cut_after: int | None = None
    wrong_md5: bool = False
    status: int = 200
    asked: list[str] = field(default_factory=list)


def zip_of(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


def tar_of(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return stream.getvalue()


class _Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = self.path.rpartition("/")[2]
        self.site.asked.append(method)
        if self.site.status != 200:
            self._answer(self.site.status, b"{}", {"Content-Type": "application/json"})
        elif method == "GetDataset":
            body = json.dumps({"currentVersionNumber": max(self.site.archives)}).encode()
            self._answer(200, body, {"Content-Type": "application/json"})
        elif request["datasetVersionNumber"] not in self.site.archives:
            self._answer(404, b"{}", {"Content-Type": "application/json"})
        else:
            self._answer(302, b"", {"Location": f"/archive/{request['datasetVersionNumber']}"})

    def do_GET(self) -> None:
        data = self.site.archives[int(self.path.rpartition("/")[2])]
        given = self.headers.get("Range", "")
        self.site.asked.append(f"GET {given}".strip())
        start = int(given.removeprefix("bytes=").rstrip("-")) if given else 0
        checksum = base64.b64encode(hashlib.md5(data + b"x" * self.site.wrong_md5).digest()).decode()
        headers = {"Accept-Ranges": "bytes", "x-goog-hash": f"crc32c=AAAAAA==,md5={checksum}"}
        self._answer(206 if given else 200, data[start:], headers)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET" and self.site.cut_after is not None:
            body, self.site.cut_after = body[: self.site.cut_after], None
            self.close_connection = True
        self.wfile.write(body)


@contextmanager
def serving(archives: dict[int, bytes]) -> Iterator[Site]:
    site = Site(archives)
    handler = type("Handler", (_Handler,), {"site": site})
    with http.server.ThreadingHTTPServer(("localhost", 0), handler) as server:
        site.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
