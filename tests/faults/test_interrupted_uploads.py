"""An upload in pieces against the real server, whose own way with a cut body it is that clients must know."""

import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.running_service import Service
from tests.support.service_client import curl, curl_json

pytestmark = pytest.mark.service

TUS = ("-H", "Tus-Resumable: 1.0.0")
PIECE = (*TUS, "-H", "Content-Type: application/offset+octet-stream")


def begin(service: Service, size_bytes: int) -> str:
    answer = curl(
        "-i", "-XPOST", *TUS, "-H", f"Upload-Length: {size_bytes}", f"{service.url}/uploads/resumable/"
    )
    found = re.search(r"^Location: (\S+)", answer, re.MULTILINE)
    assert found, answer
    return service.url + found[1]


def offset_of(address: str) -> int:
    found = re.search(r"^Upload-Offset: (\d+)", curl("-I", *TUS, address), re.MULTILINE)
    assert found
    return int(found[1])


def send(address: str, offset: int, piece: Path) -> str:
    """PATCH the file's bytes; the status."""
    sent = ("-XPATCH", *PIECE, "-H", f"Upload-Offset: {offset}", "--data-binary", f"@{piece}")
    return curl(*sent, "-o", "/dev/null", "-w", "%{http_code}", address)


def test_a_cut_body_is_lost_and_the_upload_goes_on(service: Service, clip: Path, tmp_path: Path) -> None:
    content = clip.read_bytes()
    address = begin(service, len(content))
    first, rest = tmp_path / "first", tmp_path / "rest"
    first.write_bytes(content[:100_000])
    rest.write_bytes(content[100_000:])
    assert send(address, 0, first) == "204"

    parts = urlsplit(address)
    head = (
        f"PATCH {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nTus-Resumable: 1.0.0\r\n"
        "Content-Type: application/offset+octet-stream\r\nUpload-Offset: 100000\r\n"
        f"Content-Length: {len(content) - 100_000}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        connection.sendall(head.encode() + content[100_000:200_000])

    assert offset_of(address) == 100_000
    assert send(address, 100_000, rest) == "204"
    upload_id = parts.path.rsplit("/", 1)[1]
    assert curl_json(f"{service.url}/uploads/{upload_id}/")["info"]["codec"] == "h264"
    assert (service.instance / "media/uploads" / upload_id).read_bytes() == content
