"""What goes wrong between the client and the service."""

from __future__ import annotations

import requests


class ServiceError(Exception):
    """The service refused a request, or failed at it: its problem document (RFC 9457), in the message and in parts."""

    def __init__(self, response: requests.Response) -> None:
        self.status = response.status_code
        seconds = response.headers.get("retry-after", "")
        self.retry_after = float(seconds) if seconds.isdigit() else None
        """Seconds after which the request may succeed."""
        self.request_id = response.headers.get("x-request-id")
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        if not isinstance(problem, dict):
            problem = {}
        self.title: str = problem.get("title") or response.reason or "Error"
        self.detail: str = problem.get("detail") or ""
        self.errors: list[dict[str, str]] = problem.get("errors") or []
        lines = [f"{self.status} {self.title}: {self.detail}".rstrip(": ")]
        lines += [f"  {error.get('path')}: {error.get('message')}" for error in self.errors]
        if self.status == 401:
            lines.append("  (give the key as api_key, or in the environment variable GHN_SERVE_API_KEY)")
        super().__init__("\n".join(lines))


class DownloadError(Exception):
    """The weights did not arrive whole, however often the connection was tried again."""
