"""A local HTTP stand-in for W&B's server: runs and their artifacts; it can refuse, fall silent or die."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from wandb_artifacts import ArtifactStore, RefusedError

_OPERATION = re.compile(r"^\s*(?:query|mutation)\s+(\w+)\s*(\([^)]*\))?", re.MULTILINE)
_NEEDED = re.compile(r"\$(\w+)\s*:\s*[\w\[\]!]+!\s*[,)\n]")
_ME = {"id": "v", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}


class WandbServer(ThreadingHTTPServer):
    """Serves from a thread.

    Attributes:
        silent: set it, and every request is taken and never answered.
        refuses: names of operations that are answered with an error.
        ignores: names of operations that are taken and not answered while they stand here.
        requests: method, path and body of each request that was answered.
        runs: names of the runs that there are.
        artifacts: what became of them.
        surprises: requests that were wrong, or that it knows no answer to.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.silent = threading.Event()
        self.refuses: set[str] = set()
        self.ignores: set[str] = set()
        self.requests: list[tuple[str, str, bytes]] = []
        self.runs: set[str] = set()
        self.artifacts = ArtifactStore(self.url, lambda name: name in self.runs)
        self.surprises: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def speak(self) -> None:
        """Answer everything from here on, and what waits."""
        self.silent.clear()
        self.ignores.clear()

    def die(self) -> None:
        self.shutdown()
        self.server_close()

    def history(self, run: str = "") -> list[dict[str, Any]]:
        """The lines of figures that came; of one run, or of all."""
        lines: list[dict[str, Any]] = []
        for _, path, body in self.requests:
            if path.endswith(f"{run}/file_stream"):
                files = json.loads(body).get("files") or {}
                lines += [json.loads(line) for line in files.get("wandb-history.jsonl", {}).get("content", [])]
        return lines

    def operations(self) -> list[str]:
        return [_name(json.loads(body)) for _, path, body in self.requests if path == "/graphql"]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none of our business."""

    def answer(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """The status and the answer to a request."""
        if path == "/graphql":
            return self._answer_operation(json.loads(body))
        if path.startswith("/artifacts/"):
            if method == "PUT" and self.artifacts.put(path, body, headers):
                return 200, {}
        elif path == "/healthz" or path.startswith(("/upload/", "/files/", "/sdk/otel/")):
            return 200, {}
        self.surprises.append(f"{method} {path}")
        return 400, {}

    def _answer_operation(self, question: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        operation, given = _name(question), question.get("variables") or {}
        while operation in self.ignores:
            time.sleep(0.1)
        try:
            if operation in self.refuses:
                raise RefusedError(f"{operation} is not for you")
            if missing := [name for name in _needed(question["query"]) if given.get(name) is None]:
                raise RefusedError(f"{operation} lacks {missing}")
            if operation in self.artifacts.operations:
                return 200, {"data": self.artifacts.answer(operation, given)}
            return 200, {"data": self._answer_run(operation, given)}
        except (RefusedError, KeyError, TypeError, ValueError) as error:
            if operation not in self.refuses:
                self.surprises.append(f"{operation}: {error!r}")
            return 200, {"data": None, "errors": [{"message": str(error), "path": [operation]}]}

    def _answer_run(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        if operation == "UpsertBucket":
            inserted = given["name"] not in self.runs
            self.runs.add(given["name"])
            facts = {"id": "b", "name": given["name"], "displayName": "run", "config": "{}", "project": _project(given)}
            return {"upsertBucket": {"bucket": facts, "inserted": inserted}}
        if operation == "RunResumeStatus":
            bucket = self._resumable(given["name"]) if given["name"] in self.runs else None
            return {"model": _project(given) | {"bucket": bucket}}
        if operation == "CreateRunFiles":
            files = [{"name": name, "uploadUrl": f"{self.url}/upload/{name}"} for name in given["files"]]
            return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
        if operation == "Viewer":
            return {"viewer": _ME}
        if operation == "ServerFeaturesQuery":
            return {"serverInfo": {"features": []}}
        if operation == "XXHashDigestsEnabled":
            return {"entity": {"xxhashDigestsEnabled": False}}
        if operation == "OrganizationCoreWeaveOrganizationID":
            return {"entity": {"organization": {"coreWeaveOrganizationId": None}}}
        raise RefusedError(f"unknown operation {operation}")

    def _resumable(self, name: str) -> dict[str, Any]:
        lines = self.history(name)
        tail = json.dumps([json.dumps(line) for line in lines[-1:]])
        counts = {"logLineCount": 0, "historyLineCount": len(lines), "eventsLineCount": 0}
        texts = {"summaryMetrics": "{}", "historyTail": tail, "eventsTail": "[]", "config": "{}", "wandbConfig": "{}"}
        return {"id": "b", "name": name, "displayName": "run", "tags": [], "notes": "", **counts, **texts}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WandbServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        while self.server.silent.is_set():
            time.sleep(0.1)
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answer = self.server.answer(self.command, self.path, body, headers)
        self.server.requests.append((self.command, self.path, body))
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST  # noqa: N815 (the library's names)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        """Tests are quiet."""


def _project(given: dict[str, Any]) -> dict[str, Any]:
    return {"id": "p", "name": given["project"], "entity": {"id": "e", "name": "me"}}


def _name(question: dict[str, Any]) -> str:
    """The operation's name, which W&B's Python half gives in the query alone."""
    found = _OPERATION.search(question["query"])
    return question.get("operationName") or (found[1] if found else "")


def _needed(query: str) -> list[str]:
    """The variables that the operation must be given."""
    found = _OPERATION.search(query)
    return _NEEDED.findall(found[2]) if found and found[2] else []
