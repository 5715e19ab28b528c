"""The errors of this client. All are subclasses of GhnServeError."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .typed import items, mapping

if TYPE_CHECKING:
    import requests


class GhnServeError(Exception):
    """Base class of all errors that this client raises itself."""


class ServiceError(GhnServeError):
    """The service refused a request or failed. The message and the attributes give its problem document (RFC 9457)."""

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
    """The service did not answer within the time limit."""


class AnswerError(GhnServeError):
    """The answer is not from a ghn-serve service, or something on the way has changed it."""


class DownloadError(GhnServeError):
    """The weights did not arrive completely, although the connection was retried."""


class LoadError(GhnServeError, ValueError):
    """The weights do not fit the module, or it cannot take them. The module is unchanged."""


class NetworkError(GhnServeError, ValueError):
    """A network cannot be created or traced: it is not a network, or its own code fails."""


class WrapperError(GhnServeError, ValueError):
    """A library hides a module's parameters. The message names the library and a remedy."""
