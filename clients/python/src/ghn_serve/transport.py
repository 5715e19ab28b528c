"""HTTP as the client needs it: a key, retries that wait as long as they are told to, downloads that go on."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Union
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Retry

from .errors import AnswerError, DownloadError, GhnServeError, NoAnswerError, ServiceError, UnreachableError
from .progress import progress_bar

# Seconds to wait for the connection itself: a service that is there answers at once.
CONNECT_TIMEOUT = 10.0
CHUNK_BYTES = 2**20
# Seconds more before each further attempt at a download that brings nothing.
BACKOFF = 1.0
# Seconds before the second attempt at a request, doubled before each further one; urllib3's older types want integers.
BACKOFF_FACTOR: Any = 0.5
# A failed request may be repeated: the same prediction has the same id, and is made once.
RETRIED = (429, 503)

BROKEN = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError, HTTPError)

Query = Mapping[str, Union[str, int]]


class Transport:
    """
    `timeout`: seconds without a byte, and in all for a prediction that is in the making. `retries`: how often a request
    that fails, and a download that brings nothing, is tried again.
    """

    def __init__(
        self, url: str, api_key: str | None, *, timeout: float, retries: int, progress: bool | None = None
    ) -> None:
        self._url = url.rstrip("/") + "/"
        self._timeout, self._retries, self._progress = timeout, retries, progress
        self._session = requests.Session()
        policy = Retry(
            total=retries,
            allowed_methods=None,
            status_forcelist=RETRIED,
            backoff_factor=BACKOFF_FACTOR,
            respect_retry_after_header=True,
            raise_on_status=False,
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=policy))
        # Compressed bytes could not be counted, and weights are not worth compressing.
        self._session.headers["accept-encoding"] = "identity"
        if api_key:
            self._session.headers["authorization"] = f"Bearer {api_key}"

    def close(self) -> None:
        self._session.close()

    def json(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        return self.parsed(self.request(method, path, body=body, query=query, headers=headers))

    def content(self, response: requests.Response) -> bytes:
        """The whole body of a response, whose length nobody knew beforehand."""
        with response, self._own_errors():
            return response.content

    def parsed(self, response: requests.Response) -> Any:
        """The JSON of a response."""
        with response, self._own_errors():
            data = response.content
        try:
            return response.json()
        except ValueError as error:
            kind = response.headers.get("content-type", "no type")
            raise AnswerError(
                f"{response.url} answered with {len(data)} bytes of {kind}, not with JSON: is it a ghn-serve service?"
            ) from error

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The response, its body not yet read. Raises ServiceError for a problem, after the retries."""
        with self._own_errors():
            response = self._session.request(
                method,
                urljoin(self._url, path.lstrip("/")),
                json=body,
                params=query,
                headers=headers,
                timeout=(CONNECT_TIMEOUT, self._timeout),
                stream=True,
            )
            if not response.ok:
                with response:
                    raise ServiceError(response)
        return response

    @contextmanager
    def _own_errors(self) -> Generator[None, None, None]:
        """Converts the errors of requests into those of this client."""
        try:
            yield
        except (*BROKEN, requests.RequestException) as error:
            raise own_error(error, self._url.rstrip("/"), self._timeout) from error

    def when_ready(
        self, path: str, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Waits for a resource of a prediction. Until it exists, the service answers 409 with the time to ask again."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return self.request("GET", path, query=query, headers=headers)
            except ServiceError as error:
                if error.retry_after is None or time.monotonic() + error.retry_after > deadline:
                    raise
                time.sleep(error.retry_after)

    def download(self, response: requests.Response, path: str, query: Query | None, label: str) -> bytearray:
        """
        The whole body of a response. Where the connection breaks, the rest is fetched from `path`, which has the same
        bytes under the same etag; other bytes are fetched from their beginning.
        """
        body, count, failures = bytearray(), 0, 0
        with progress_bar(length(response), label, self._progress) as progress:
            while True:
                if response.status_code != requests.codes.partial_content:
                    progress.update(-count)
                    body, count = bytearray(length(response)), 0
                start, cause = count, None
                try:
                    with response:
                        for chunk in pieces(response):
                            body[count : count + len(chunk)] = chunk
                            count += len(chunk)
                            progress.update(len(chunk))
                except BROKEN as error:
                    cause = error
                if count == len(body):
                    return body
                failures = failures + 1 if count == start else 0
                if failures > self._retries:
                    raise DownloadError(f"{count} of the {len(body)} bytes of {label} arrived") from cause
                time.sleep(BACKOFF * failures)
                headers = {"range": f"bytes={count}-", "if-range": response.headers.get("etag", "")}
                response = self.when_ready(path, query, headers if count and headers["if-range"] else None)


def pieces(response: requests.Response) -> Iterator[bytes]:
    """The body as it arrives: otherwise urllib3 2 waits for a whole piece, and loses what came of one that breaks."""
    read = getattr(response.raw, "read1", None)
    if read is None:
        yield from response.iter_content(CHUNK_BYTES)
        return
    while piece := read(CHUNK_BYTES):
        yield piece


def length(response: requests.Response) -> int:
    """The length of the body. Without it, a complete answer could not be distinguished from a cut one."""
    text = response.headers.get("content-length")
    if text is None:
        raise DownloadError(
            f"{response.url} does not say how long its answer is: something between drops content-length"
        )
    return int(text)


def own_error(error: Exception, url: str, timeout: float) -> GhnServeError:
    """After its retries requests says of a time that is over only that the connection failed, and why further in."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ReadTimeout) or isinstance(reason, ReadTimeoutError):
        return NoAnswerError(f"{url} has not answered in {timeout:g} seconds; set the option timeout to wait longer")
    if isinstance(error, (requests.exceptions.InvalidSchema, ValueError)):
        return UnreachableError(f"{url} is not the address of a service, such as http://HOST:PORT: {error}")
    return UnreachableError(f"no service answers at {url}: {reason or error}")
