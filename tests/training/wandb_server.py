"""A local HTTP stand-in for W&B's server that speaks enough of its protocol for a run, and can fall silent or die."""

from __future__ import annotations

import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WandbServer(ThreadingHTTPServer):
    """Serves from a thread.

    Attributes:
        silent: set it, and every request is taken and never answered.
        requests: method, path and body of each request that was answered.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.silent = threading.Event()
        self.requests: list[tuple[str, str, bytes]] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def die(self) -> None:
        self.shutdown()
        self.server_close()

    def history(self) -> list[dict[str, Any]]:
        """The lines of figures that came."""
        lines: list[dict[str, Any]] = []
        for _, path, body in self.requests:
            if path.endswith("/file_stream"):
                files = json.loads(body).get("files") or {}
                lines += [json.loads(line) for line in files.get("wandb-history.jsonl", {}).get("content", [])]
        return lines

    def operations(self) -> list[str]:
        return [json.loads(body).get("operationName", "") for _, path, body in self.requests if path == "/graphql"]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none of our business."""

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        operation, given = question.get("operationName", ""), question.get("variables") or {}
        if operation == "UpsertBucket":
            project = {"id": "p", "name": given.get("project") or "project", "entity": {"id": "e", "name": "me"}}
            bucket = {"id": "b", "name": given.get("name"), "displayName": "run", "config": "{}", "project": project}
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if operation == "CreateRunFiles":
            files = [{"name": name, "uploadUrl": f"{self.url}/upload/{name}"} for name in given["files"]]
            return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
        if operation == "Viewer":
            return {"viewer": {"id": "v", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}}
        return {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WandbServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        while self.server.silent.is_set():
            time.sleep(0.1)
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.requests.append((self.command, self.path, body))
        answer = {"data": self.server.answer(json.loads(body))} if self.path == "/graphql" else {}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST  # noqa: N815 (the library's names)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        """Tests are quiet."""
