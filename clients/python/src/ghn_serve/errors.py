"""What goes wrong, as classes of this client's own: all are GhnServeError."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .typed import items, mapping

if TYPE_CHECKING:
    import requests


class GhnServeError(Exception):
    """The base of all errors that this client raises of its own."""


class ServiceError(GhnServeError):
    """The service refused a request, or failed at it: its problem document (RFC 9457), in the message and in parts."""

    def __init__(self, response: requests.Response) -> None:
        self.status: int = response.status_code
        seconds = response.headers.get("retry-after", "")
        self.retry_after: float | None = float(seconds) if seconds.isdigit() else None
        """Seconds after which the request may succeed."""
        self.request_id: str | None = response.headers.get("x-request-id")
        problem: Mapping[str, Any] = {}
        with suppress(ValueError):
            problem = mapping(response.json())
        self.title: str = problem.get("title") or response.reason or "Error"
        self.detail: str = problem.get("detail") or ""
        self.errors: list[dict[str, str]] = items(problem.get("errors"))
        lines = [f"{self.status} {self.title}: {self.detail}".rstrip(": ")]
        lines += [f"  {error.get('path')}: {error.get('message')}" for error in self.errors]
        if self.status == 401:
            lines.append("  (give the key as api_key, or in the environment variable GHN_SERVE_API_KEY)")
        super().__init__("\n".join(lines))


class UnreachableError(GhnServeError, ConnectionError):
    """There is no service at the URL, or the connection to it broke."""


class NoAnswerError(GhnServeError, TimeoutError):
    """The service did not answer in the time that it was given."""


class AnswerError(GhnServeError):
    """What answered is no ghn-serve service, or something between changed its answer."""


class DownloadError(GhnServeError):
    """The weights did not arrive whole, however often the connection was tried again."""


class LoadError(GhnServeError, ValueError):
    """The weights do not fit the module, or it cannot take them; it is as it was."""


class NetworkError(GhnServeError, ValueError):
    """A network cannot be made, or traced: it is none, or its own code fails."""


class WrapperError(GhnServeError, ValueError):
    """A module's parameters are in the keeping of a library that hides them: its name, and the way around."""
