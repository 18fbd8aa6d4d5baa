"""The real nginx and the real Caddy, with the files in deploy/, pass everything on correctly.

One service is at the root of its host. The other is under a sub-path and behind a CDN, so its proxy receives
and trusts X-Forwarded-For.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.reverse_proxies import NAMES, ReverseProxy, run_proxy
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl, curl_json
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

MAX_UPLOAD_BYTES = 100_000_000
ADMIN_TOKEN = "the-token-of-the-admin"
TUS = ("-HTus-Resumable: 1.0.0",)
CHUNK = (*TUS, "-HContent-Type: application/offset+octet-stream")
URL_ATTRIBUTE = re.compile(
    r"\b(?:href|src|srcset|poster|action|formaction|hx-get|hx-post|data-home|data-icon|data-[a-z-]*url)="
    r'"((?:https?:/)?/[^"]*)"'
)


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Site:
    """A service as its visitors see it."""

    name: str
    """The name of the proxy."""
    url: str
    prefix: str
    proxy: ReverseProxy
    folder: Path

    @property
    def origin(self) -> str:
        return self.url.removesuffix(self.prefix)

    def request(self, path: str, *arguments: str) -> Response:
        """Request a path that starts with the prefix, or a URL."""
        url = path if "://" in path else self.origin + path
        head, body = self.folder / "response-head", self.folder / "response-body"
        body.write_bytes(b"")
        subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", "90", "--cacert", self.proxy.ca_file]
            + ["--dump-header", head, "--output", body, *arguments, url],
            check=True,
        )
        last_head = head.read_text().strip().replace("\r", "").split("\n\n")[-1]
        status, *lines = last_head.splitlines()
        headers = {
            name.lower(): text for name, text in (line.split(": ", 1) for line in lines if ": " in line)
        }
        return Response(int(status.split()[1]), headers, body.read_bytes())

    def find_missing(self, paths: list[str]) -> list[str]:
        """Return the paths whose responses have another status than 200."""
        targets = [argument for path in paths for argument in ("--output", os.devnull, self.origin + path)]
        report = curl("--cacert", str(self.proxy.ca_file), "-w", "%{http_code} %{url}\\n", *targets)
        statuses = [line.split(" ", 1) for line in report.splitlines()]
        assert len(statuses) == len(paths)
        return [url for status, url in statuses if status != "200"]

    def page(self, path: str) -> Response:
        """Request a path as a browser does."""
        return self.request(path, "-HAccept: text/html", "-AMozilla/5.0")

    def upload(self, clip: Path) -> str:
        """Upload a clip as a form and return the path of its studio."""
        response = self.request(f"{self.prefix}/uploads/", f"-Fvideo=@{clip}")
        assert response.status == 201, response.text
        path: str = response.json["url"]
        return path


@pytest.fixture(scope="module", params=["", "/chromi"], ids=["root", "sub-path"])
def prefix(request: pytest.FixtureRequest) -> str:
    param: str = request.param
    return param


@pytest.fixture(scope="module")
def service(prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {
        "trusted_proxy": "127.0.0.1",
        "trusted_proxy_count": "2" if prefix else "1",
        "trusted_hosts": "localhost",
        "url_prefix": prefix,
        "uploads_per_hour": "1",
        "admin_token": ADMIN_TOKEN,
        "metrics": "true",
    }
    service = run_service(tmp_path_factory.mktemp("service") / "instance", settings)
    yield service
    end_service(service)


@pytest.fixture(scope="module", params=NAMES)
def site(
    request: pytest.FixtureRequest, prefix: str, service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp(request.param), urlsplit(service.url).port
    assert port
    with run_proxy(request.param, folder, port, prefix=prefix, behind_cdn=bool(prefix)) as proxy:
        yield Site(request.param, proxy.url, prefix, proxy, folder)


@pytest.fixture(scope="module")
def finished_urls(service: Service, prefix: str, plain_clip: Path) -> dict[str, str]:
    """The paths of an upload's studio and of its finished job."""
    studio = request_directly(service, f"{prefix}/uploads/", f"-Fvideo=@{plain_clip}")["url"]
    status_url = request_directly(service, f"{studio}jobs/", "-Fduration=1")["status_url"]
    wait_for(lambda: request_directly(service, status_url)["status"] == "success", "the job", timeout_s=60)
    return {"studio": studio, "status_url": status_url}


def request_directly(service: Service, path: str, *arguments: str) -> Any:
    """Return the JSON of the response of the service behind the proxies."""
    return curl_json("-HHost: localhost", *arguments, f"http://127.0.0.1:{urlsplit(service.url).port}{path}")


@pytest.fixture(scope="module")
def finished(site: Site, finished_urls: dict[str, str]) -> dict[str, Any]:
    """The JSON of a finished job."""
    job: dict[str, Any] = site.request(finished_urls["status_url"]).json
    return job | finished_urls


AT_ROOT = pytest.mark.parametrize("prefix", [""], ids=["root"], indirect=True)
"""Runs a test of a size limit, which a sub-path does not change, only at the root."""


@AT_ROOT
def test_largest_upload_is_accepted(site: Site, plain_clip: Path, tmp_path: Path) -> None:
    clip = tmp_path / "largest.mp4"
    shutil.copy(plain_clip, clip)
    with clip.open("ab") as file:
        # An MP4 box that players skip fills the rest of the file.
        box_bytes = MAX_UPLOAD_BYTES - clip.stat().st_size
        file.write(box_bytes.to_bytes(4, "big") + b"free")
        file.truncate(MAX_UPLOAD_BYTES)
    assert site.page(site.upload(clip)).status == 200


@AT_ROOT
def test_too_large_upload_is_rejected_by_chromi_with_explanation(site: Site, tmp_path: Path) -> None:
    clip = tmp_path / "too_large.mp4"
    clip.touch()
    with clip.open("ab") as file:
        file.truncate(MAX_UPLOAD_BYTES + 500_000)
    response = site.request(f"{site.prefix}/uploads/", f"-Fvideo=@{clip}")
    assert (response.status, response.json["error"]["code"]) == (413, "too_large")


def test_interrupted_upload_is_resumed(site: Site, plain_clip: Path, tmp_path: Path) -> None:
    content = plain_clip.read_bytes()
    half = len(content) // 2
    create = site.request(
        f"{site.prefix}/uploads/resumable/", "-XPOST", *TUS, f"-HUpload-Length: {len(content)}"
    )
    assert create.status == 201
    url = create.headers["location"]
    assert url.startswith(f"{site.prefix}/uploads/resumable/")
    for start, end in ((0, half), (half, len(content))):
        assert site.request(url, "--head", *TUS).headers["upload-offset"] == str(start)
        chunk = tmp_path / "chunk"
        chunk.write_bytes(content[start:end])
        sent = site.request(url, "-XPATCH", *CHUNK, f"-HUpload-Offset: {start}", "--data-binary", f"@{chunk}")
        assert (sent.status, sent.headers["upload-offset"]) == (204, str(end))
    assert site.page(create.json["url"]).status == 200


def test_part_of_download_is_sent(site: Site, finished: dict[str, Any]) -> None:
    whole = site.request(finished["converted_url"])
    assert (whole.status, whole.body[:6]) == (200, b"GIF89a")
    part = site.request(finished["converted_url"], "--range", "1000-1999")
    assert (part.status, part.body) == (206, whole.body[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole.body)}"


def test_every_url_of_pages_and_json_leads_through_proxy(site: Site, finished: dict[str, Any]) -> None:
    job_path = finished["status_url"]
    link = site.request(f"{job_path}links/", "-Fexpires=7d").json["url"]
    assert link.startswith(f"{site.url}/download/")
    pages = (f"{site.prefix}/", finished["studio"], job_path, link, f"{site.prefix}/nowhere")
    linked = set()
    for page in pages:
        response = site.page(page)
        assert response.headers["content-type"].startswith("text/html")
        urls = set(URL_ATTRIBUTE.findall(response.text))
        assert urls
        assert all(url.startswith((f"{site.prefix}/", f"{site.url}/")) for url in urls), urls
        linked |= {url for url in re.findall(r'(?:href|src)="(/[^"#]+)', response.text)}
    linked |= {icon["src"] for icon in site.request(f"{site.prefix}/manifest.webmanifest").json["icons"]}
    assert any("/static/" in url for url in linked)
    assert site.find_missing([url.replace("&amp;", "&") for url in linked]) == []
    assert f'<link rel="canonical" href="{site.url}/">' in site.page(f"{site.prefix}/").text


def test_cookie_is_secure_and_restricted_to_path(site: Site) -> None:
    login = site.request(f"{site.prefix}/admin/login", f"-Ftoken={ADMIN_TOKEN}")
    assert (login.status, login.headers["location"]) == (303, f"{site.prefix}/admin/")
    assert f"; Secure; HttpOnly; Path={site.prefix}/admin;" in login.headers["set-cookie"]


def test_client_behind_proxy_has_its_own_limit(site: Site) -> None:
    """One upload per hour is allowed, but a client of this machine has no limit."""

    def create_upload(address: str) -> int:
        return site.request(
            f"{site.prefix}/uploads/resumable/",
            "-XPOST",
            *TUS,
            "-HUpload-Length: 1000",
            f"-HX-Forwarded-For: {address}",
        ).status

    first = f"8.8.{NAMES.index(site.name)}.8"  # both proxies are in front of the same service
    if site.prefix:
        assert [create_upload(first), create_upload(first), create_upload("9" + first)] == [201, 429, 201]
    else:  # the client claims an address, but the proxy knows the real one
        assert [create_upload(first), create_upload(first)] == [201, 201]


def test_proxy_hides_details_and_metrics(site: Site, service: Service) -> None:
    assert site.request(f"{site.prefix}/health/").json["version"] is None
    assert site.request(f"{site.prefix}/metrics").status == 404
    metrics = subprocess.run(["curl", "-s", f"{service.url}/metrics"], capture_output=True, check=True)
    assert b"chromi_info" in metrics.stdout


def test_wrong_host_is_refused(site: Site) -> None:
    response = site.request(f"{site.prefix}/", "-HHost: evil.example", "--http1.1")
    if site.name == "nginx":  # passes the request on to Chromi
        assert (response.status, response.json["error"]["code"]) == (421, "wrong_host")
    else:
        assert response.body == b""  # Caddy has no such site


def test_response_over_https_has_strict_transport_security(site: Site) -> None:
    assert "max-age=31536000" in site.page(f"{site.prefix}/").headers["strict-transport-security"]
