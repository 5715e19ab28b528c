"""A real HTTP proxy in front of the service that fails on purpose."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

import requests


class FlakyProxy:
    """
    Passes requests on, and fails the first of them as `failures` say, one each: ("status", code, headers) answers so
    in the service's place, ("body", code, bytes) with a page; ("cut", bytes) breaks the connection after that much of
    the body.
    """

    def __init__(self, service: str, failures: Sequence[tuple[object, ...]]) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._service, self._failures = service, list(failures)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy._handle(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FlakyProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {key.lower(): value for key, value in handler.headers.items()}
        body = handler.rfile.read(int(headers.get("content-length", 0)))
        self.requests.append((handler.command, handler.path, headers))
        failure = self._failures.pop(0) if self._failures else ("none",)
        if failure[0] == "status":
            answer(handler, failure[1], failure[2], b"{}")
            return
        if failure[0] == "body":
            answer(handler, failure[1], {"content-type": "text/html"}, failure[2])
            return
        passed = {key: value for key, value in headers.items() if key not in ("host", "connection")}
        response = requests.request(
            handler.command, self._service + handler.path, data=body, headers=passed, timeout=60
        )
        kept = {key: value for key, value in response.headers.items() if key.lower() not in ("connection", "date")}
        sent = response.content[: failure[1]] if failure[0] == "cut" else response.content
        answer(handler, response.status_code, kept, sent)
        if failure[0] == "cut":
            handler.connection.close()


def answer(handler: BaseHTTPRequestHandler, status: object, headers: object, body: object) -> None:
    assert isinstance(status, int) and isinstance(headers, dict) and isinstance(body, bytes)
    handler.send_response(status)
    for key, value in {"content-length": str(len(body)), **headers}.items():
        handler.send_header(key, value)
    handler.end_headers()
    handler.wfile.write(body)
