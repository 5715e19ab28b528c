"""The parts of an answer to several requests: the weights or the problem of each."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from email.parser import BytesHeaderParser

import requests

from .errors import AnswerError, ServiceError
from .weights import Weights

# Largest number of requests in one body.
MAX_REQUESTS = 256

PROBLEM = "application/problem+json"


def outcomes(response: requests.Response, data: bytes) -> Iterator[Weights | ServiceError]:
    """The result of each request, in order."""
    for headers, body in parts(response, data):
        if headers.get_content_type() != PROBLEM:
            yield Weights.from_bytes(bytearray(body))
            continue
        problem = requests.Response()
        problem.headers.update(response.headers)
        problem._content = body
        problem.status_code = problem.json()["status"]
        yield ServiceError(problem)


def parts(response: requests.Response, data: bytes) -> Iterator[tuple[Message, bytes]]:
    """The parts of a multipart/mixed body. Each gives its length."""
    kind = Message()
    kind["content-type"] = response.headers.get("content-type", "")
    boundary = kind.get_param("boundary")
    if kind.get_content_type() != "multipart/mixed" or not isinstance(boundary, str):
        raise AnswerError(f"{response.url} answered with {kind['content-type']}, not with parts")
    opening = f"--{boundary}\r\n".encode()
    at = data.find(opening)
    while at >= 0:
        start = data.index(b"\r\n\r\n", at) + 4
        headers = BytesHeaderParser().parsebytes(data[at + len(opening) : start])
        end = start + int(headers["content-length"])
        if end > len(data):
            break
        yield headers, data[start:end]
        after = end + len(b"\r\n")
        if data.startswith(f"--{boundary}--".encode(), after):
            return
        at = after if data.startswith(opening, after) else -1
    raise AnswerError(f"{response.url} answered with {len(data)} bytes that end within a part")
