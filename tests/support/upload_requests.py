"""Parts of multipart upload requests, for raw connections."""


def upload_head(path: str, *headers: str) -> tuple[str, ...]:
    """Return the lines of a POST request up to its body, including the empty line."""
    common = ("Host: localhost", "Content-Type: multipart/form-data; boundary=x")
    return (f"POST {path} HTTP/1.1", *common, *headers, "")


def upload_body(clip: bytes) -> bytes:
    """Return a multipart body with this clip, for the boundary of `upload_head`."""
    head = '--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    return head.encode() + clip + b"\r\n--x--\r\n"
