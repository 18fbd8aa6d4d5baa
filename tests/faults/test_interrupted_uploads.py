"""A chunk whose connection breaks is discarded by the real server, and the upload can be resumed."""

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.running_service import Service
from tests.support.service_client import curl, curl_json

pytestmark = pytest.mark.service

TUS = ("-H", "Tus-Resumable: 1.0.0")
CHUNK_HEADERS = (*TUS, "-H", "Content-Type: application/offset+octet-stream")


def create_upload(service: Service, size_bytes: int) -> str:
    """Create a resumable upload and return its URL."""
    headers = (*TUS, "-H", f"Upload-Length: {size_bytes}")
    response = curl("-i", "-XPOST", *headers, f"{service.url}/uploads/resumable/")
    found = re.search(r"^Location: (\S+)", response, re.MULTILINE)
    assert found, response
    return service.url + found[1]


def get_offset(url: str) -> int:
    found = re.search(r"^Upload-Offset: (\d+)", curl("-I", *TUS, url), re.MULTILINE)
    assert found
    return int(found[1])


def send_chunk(url: str, offset: int, chunk: Path) -> str:
    """Send the file as a chunk and return the response's status."""
    request = ("-XPATCH", *CHUNK_HEADERS, "-H", f"Upload-Offset: {offset}", "--data-binary", f"@{chunk}")
    return curl(*request, "-o", "/dev/null", "-w", "%{http_code}", url)


def test_interrupted_chunk_is_lost_and_upload_resumes(service: Service, clip: Path, tmp_path: Path) -> None:
    content = clip.read_bytes()
    url = create_upload(service, len(content))
    first, rest = tmp_path / "first", tmp_path / "rest"
    first.write_bytes(content[:100_000])
    rest.write_bytes(content[100_000:])
    assert send_chunk(url, 0, first) == "204"

    parts = urlsplit(url)
    head = (
        f"PATCH {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nTus-Resumable: 1.0.0\r\n"
        "Content-Type: application/offset+octet-stream\r\nUpload-Offset: 100000\r\n"
        f"Content-Length: {len(content) - 100_000}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall(head.encode() + content[100_000:200_000])

    assert get_offset(url) == 100_000
    assert send_chunk(url, 100_000, rest) == "204"
    upload_id = parts.path.rsplit("/", 1)[1]
    assert curl_json(f"{service.url}/uploads/{upload_id}/")["info"]["codec"] == "h264"
    assert (service.instance / "media/uploads" / upload_id).read_bytes() == content
