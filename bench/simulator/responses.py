"""The bytes of an answer, with and without faults."""

from __future__ import annotations

from bench.simulator.settings import Fault

_PHRASES = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    410: "Gone",
    413: "Payload Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
# Each error's name, which SDKs turn into an exception, and its message.
_ERRORS = {
    400: ("BadRequestException", "Bad Request"),
    403: ("ForbiddenException", "Forbidden"),
    410: ("GoneException", "GoneException"),
    413: ("PayloadTooLargeException", "Message too long"),
    429: ("LimitExceededException", "Too Many Requests"),
    500: ("InternalServerErrorException", "Internal server error"),
    502: ("BadGatewayException", "Bad gateway"),
    503: ("ServiceUnavailableException", "Service Unavailable"),
}
_IDENTITY = b"x-amzn-RequestId: 3f6c8b0d-0000-4000-8000-000000000000\r\nx-amz-apigw-id: aBcDeFgHoAMCJ9w=\r\n"
_EXTRA = (
    b"cOnNeCtIoN-hInT:  keep it  \r\nX-Empty:\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Long: "
    + b"v" * 4000
    + b"\r\n"
    + b"".join(b"X-Extra-%d: Content-Length: 5\r\n" % number for number in range(30))
)
GARBAGE = b"\x15\x03\x03\x00\x02\x02PTTH 002 KO\r\n\r\n"


def _head(status: int) -> bytes:
    lines = f"HTTP/1.1 {status} {_PHRASES[status]}\r\n"
    if status in _ERRORS:
        lines += f"x-amzn-ErrorType: {_ERRORS[status][0]}\r\n"
    return lines.encode() + b"Content-Type: application/json\r\n" + _IDENTITY


def _body(status: int) -> bytes:
    return f'{{"message": "{_ERRORS[status][1]}"}}'.encode() if status in _ERRORS else b""


_PLAIN = {
    status: _head(status) + b"Content-Length: %d\r\n\r\n" % len(_body(status)) + _body(status)
    for status in _PHRASES
}
INVALID_SIGNATURE = _PLAIN[403].replace(b"ForbiddenException", b"InvalidSignatureException")


def encode(status: int, fault: Fault | None = None) -> bytes:
    """Return the bytes of one answer. Only faults that change how a right answer is written matter here."""
    if fault is None:
        return _PLAIN[status]
    head, body = _head(status), _body(status)
    match fault:
        case Fault.CHUNKED:
            body = body or b"{}"  # clients must also read a body that they do not expect
            parts = (body[:1], body[1:])
            chunks = b"".join(b"%x;part=%d\r\n%s\r\n" % (len(part), len(part), part) for part in parts)
            return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nX-Trailer: 1\r\n\r\n"
        case Fault.EXTRA_HEADERS:
            head = head.replace(b"\r\n", b"\r\n" + _EXTRA, 1)
        case Fault.CONNECTION_CLOSE:
            head += b"Connection: close\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
