"""A local stand-in for W&B's server. It stores runs and artifacts, and can refuse, ignore or drop requests."""

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
_REQUIRED_VARIABLE = re.compile(r"\$(\w+)\s*:\s*[\w\[\]!]+!\s*[,)\n]")
_ME = {"id": "v", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}


class WandbServer(ThreadingHTTPServer):
    """An HTTP server in a thread, which answers the requests of the W&B client.

    Attributes:
        silent: While it is set, requests are accepted and not answered.
        refuses: Names of operations that are answered with an error.
        ignores: Names of operations that are accepted and not answered as long as they are in this set.
        requests: Method, path and body of each request that was answered.
        runs: Names of the runs that clients have made.
        artifacts: Artifacts that clients have uploaded.
        unexpected_requests: Requests that were invalid, or that the server has no answer for.
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
        self.unexpected_requests: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer_again(self) -> None:
        """Answer all requests again, including those that wait for an answer."""
        self.silent.clear()
        self.ignores.clear()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def history(self, run: str = "") -> list[dict[str, Any]]:
        """Return the lines of metrics that were received, of one run or of all runs."""
        lines: list[dict[str, Any]] = []
        for _, path, body in self.requests:
            if path.endswith(f"{run}/file_stream"):
                files = json.loads(body).get("files") or {}
                lines += [json.loads(line) for line in files.get("wandb-history.jsonl", {}).get("content", [])]
        return lines

    def operations(self) -> list[str]:
        return [_name(json.loads(body)) for _, path, body in self.requests if path == "/graphql"]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""

    def answer(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Return HTTP status and JSON answer for a request."""
        if path == "/graphql":
            return self._answer_operation(json.loads(body))
        if path.startswith("/artifacts/"):
            if method == "PUT" and self.artifacts.put(path, body, headers):
                return 200, {}
        elif path == "/healthz" or path.startswith(("/upload/", "/files/", "/sdk/otel/")):
            return 200, {}
        self.unexpected_requests.append(f"{method} {path}")
        return 400, {}

    def _answer_operation(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        operation, variables = _name(request), request.get("variables") or {}
        while operation in self.ignores:
            time.sleep(0.1)
        try:
            if operation in self.refuses:
                raise RefusedError(f"{operation} is refused")
            if missing := [name for name in _required_variables(request["query"]) if variables.get(name) is None]:
                raise RefusedError(f"{operation} lacks {missing}")
            if operation in self.artifacts.operations:
                return 200, {"data": self.artifacts.answer(operation, variables)}
            return 200, {"data": self._answer_run(operation, variables)}
        except (RefusedError, KeyError, TypeError, ValueError) as error:
            if operation not in self.refuses:
                self.unexpected_requests.append(f"{operation}: {error!r}")
            return 200, {"data": None, "errors": [{"message": str(error), "path": [operation]}]}

    def _answer_run(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        if operation == "UpsertBucket":
            inserted = variables["name"] not in self.runs
            self.runs.add(variables["name"])
            fields = {
                "id": "b",
                "name": variables["name"],
                "displayName": "run",
                "config": "{}",
                "project": _project(variables),
            }
            return {"upsertBucket": {"bucket": fields, "inserted": inserted}}
        if operation == "RunResumeStatus":
            bucket = self._resumable(variables["name"]) if variables["name"] in self.runs else None
            return {"model": _project(variables) | {"bucket": bucket}}
        if operation == "CreateRunFiles":
            files = [{"name": name, "uploadUrl": f"{self.url}/upload/{name}"} for name in variables["files"]]
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
        """Print nothing."""


def _project(variables: dict[str, Any]) -> dict[str, Any]:
    return {"id": "p", "name": variables["project"], "entity": {"id": "e", "name": "me"}}


def _name(request: dict[str, Any]) -> str:
    """Return the operation's name; the Python part of the W&B client states it in the query only."""
    match = _OPERATION.search(request["query"])
    return request.get("operationName") or (match[1] if match else "")


def _required_variables(query: str) -> list[str]:
    """Return the names of the variables that the operation requires."""
    match = _OPERATION.search(query)
    return _REQUIRED_VARIABLE.findall(match[2]) if match and match[2] else []
