"""Simulated visitors: they convert, share, cancel, browse, send invalid files and abort uploads."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.soak.client import CHUNK_HEADERS, TUS, Client, Response

POLL_S = 0.7
PAUSE_S = (0.2, 2.0)
CHUNK_BYTES = 300_000
JOB_TIMEOUT_S = 180


class UnexpectedResponse(Exception):
    """The service returned a response that it must not return."""


@dataclass
class Visits:
    """The visits and errors so far, of all visitors together."""

    completed: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


class Visitors:
    """`count` threads that make one visit after another until they are stopped."""

    def __init__(self, client: Client, clip: bytes, heavy_clip: bytes, *, count: int, seed: int) -> None:
        self.visits = Visits()
        self._client, self._clip, self._heavy_clip = client, clip, heavy_clip
        self._stop = threading.Event()
        self._shared = self._create_shared()
        self._threads = [
            threading.Thread(target=self._visit, args=(random.Random(seed + number),))  # noqa: S311
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each visitor finish its visit."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, rng: random.Random) -> None:
        kinds: dict[str, tuple[int, Callable[[random.Random], None]]] = {
            "one-shot": (4, self._convert_one_shot),
            "studio": (4, self._use_studio),
            "share": (3, self._share),
            "cancel": (2, self._cancel),
            "browse": (4, self._browse),
            "invalid file": (3, self._send_invalid_file),
            "abort": (2, self._abort_uploads),
        }
        names, weights = list(kinds), [weight for weight, _ in kinds.values()]
        while not self._stop.wait(rng.uniform(*PAUSE_S)):
            [name] = rng.choices(names, weights)
            try:
                kinds[name][1](rng)
                self.visits.completed[name] += 1
            except Exception as error:
                self.visits.errors.append(f"{name}: {type(error).__name__}: {error}"[:300])

    # -- visits ----------------------------------------------------------------------------------------

    def _convert_one_shot(self, rng: random.Random) -> None:
        response = self._client.post("/convert/", self._clip, duration="1", quality="small")
        if is_rejected(response):
            return
        url = self._wait_for(expect(response, 202).json["job_id"])
        content = expect(self._client.get(url), 200).body
        self._download_in_parts(url, content, rng)

    def _use_studio(self, rng: random.Random) -> None:
        upload_id = self._upload_in_chunks(rng)
        if upload_id is None:
            return
        studio = f"/uploads/{upload_id}/"
        expect(self._client.get(studio, Accept="text/html"), 200)
        expect(self._client.get(f"{studio}video", Range="bytes=0-99"), 206)
        estimate = self._client.post(f"{studio}estimates/", duration="1")
        if not is_rejected(estimate):
            expect(self._client.get(f"/jobs/{expect(estimate, 202).json['job_id']}/estimates"), 200)
        if rng.random() < 0.3:
            self._client.post(f"{studio}loops/", duration="2")
        response = self._client.post(f"{studio}jobs/", duration="1", start_time=f"{rng.uniform(0, 2):.1f}")
        if not is_rejected(response):
            self._wait_for(expect(response, 202).json["job_id"])

    def _share(self, rng: random.Random) -> None:
        job_id, digest = self._shared
        links = f"/jobs/{job_id}/links/"
        options = rng.choice([{"one_time": "on"}, {"max_uses": "3"}, {"password": "four words"}, {}])
        response = self._client.post(links, expires="10m", **options)
        if response.status == 409:  # the background has its maximum number of links
            self._shared = self._create_shared()
            return
        link = expect(response, 201).json
        path = "/" + link["url"].split("/", 3)[3]
        expect(self._client.get(link["qr_url"]), 200)
        expect(self._client.get(path, Accept="text/html"), 200)
        if "password" in options:
            expect(self._client.post(path, password="guess"), 403)  # noqa: S106
        # Not by GET: a limited link returns its file only to a form or a command line client.
        file = expect(self._client.post(path, **options), 200)
        if hashlib.sha256(file.body).hexdigest() != digest:
            raise UnexpectedResponse("the content of a shared file differs")
        expect(self._client.post(link["revoke_url"]), 200)
        expect(self._client.get(path), 410)

    def _cancel(self, rng: random.Random) -> None:
        response = self._client.post("/convert/", self._heavy_clip, duration="4")
        if is_rejected(response):
            return
        job_id = expect(response, 202).json["job_id"]
        time.sleep(rng.uniform(0, 6))
        expect(self._client.post(f"/jobs/{job_id}/cancel"), 202, 409)

    def _browse(self, rng: random.Random) -> None:
        expect(self._client.get("/", Accept="text/html"), 200)
        expect(self._client.get(f"/jobs/{'0' * 32}/"), 404)
        expect(self._client.get("/download/" + "x" * rng.choice((5, 90, 2000)) + "/"), 404)
        expect(self._client.get(f"/jobs/{self._shared[0]}/status", Accept="text/html"), 200)

    def _send_invalid_file(self, rng: random.Random) -> None:
        cut_clip = self._clip[: len(self._clip) // 3]
        content = rng.choice([rng.randbytes(20_000), cut_clip, b"#EXTM3U\n/etc/passwd"])
        expect(self._client.post("/uploads/", content), 415, 429, 503)
        expect(self._client.post("/convert/", self._clip, duration="99"), 422, 429, 503)

    def _abort_uploads(self, rng: random.Random) -> None:
        self._client.abort_upload("/uploads/", self._heavy_clip)
        self._upload_in_chunks(rng, must_abort=True)

    # -- parts of visits -------------------------------------------------------------------------------

    def _create_shared(self) -> tuple[str, str]:
        """Create a background for all visitors and return its job's id and the hash of its file."""
        job_id = expect(self._client.post("/convert/", self._clip, duration="2"), 202).json["job_id"]
        gif = self._client.get(self._wait_for(job_id)).body
        expect(self._client.post(f"/jobs/{job_id}/links/", expires="24h"), 201)
        return job_id, hashlib.sha256(gif).hexdigest()

    def _upload_in_chunks(self, rng: random.Random, *, must_abort: bool = False) -> str | None:
        """Upload the clip by tus and return its id, or None if it was rejected or aborted."""
        clip = self._clip
        created = self._client.request(
            "POST", "/uploads/resumable/", headers=TUS | {"Upload-Length": str(len(clip))}
        )
        if is_rejected(created):
            return None
        location = expect(created, 201).headers["location"]
        for start in range(0, len(clip), CHUNK_BYTES):
            headers = CHUNK_HEADERS | {"Upload-Offset": str(start)}
            chunk = clip[start : start + CHUNK_BYTES]
            expect(self._client.request("PATCH", location, body=chunk, headers=headers), 204)
            if must_abort:
                if rng.random() < 0.5:
                    expect(self._client.request("DELETE", location, headers=TUS), 204)
                return None
        return location.rpartition("/")[2]

    def _wait_for(self, job_id: str) -> str:
        """Poll until the job has succeeded, as a page does, and return the URL of its result."""
        deadline = time.monotonic() + JOB_TIMEOUT_S
        while time.monotonic() < deadline:
            job = expect(self._client.get(f"/jobs/{job_id}/"), 200).json
            if job["status"] == "success":
                return str(job["converted_url"])
            if job["status"] not in ("queued", "in_progress"):
                raise UnexpectedResponse(f"a job ended as {job['status']}: {job['error']}")
            time.sleep(POLL_S)
        raise UnexpectedResponse(f"a job did not end within {JOB_TIMEOUT_S} s")

    def _download_in_parts(self, url: str, content: bytes, rng: random.Random) -> None:
        """Abort a download and fetch the rest by a Range request."""
        offset = rng.randrange(1, len(content))
        start = self._client.request("GET", url, max_bytes=offset).body
        rest = expect(self._client.get(url, Range=f"bytes={offset}-"), 206).body
        if start + rest != content:
            raise UnexpectedResponse("the content of a resumed download differs")


def expect(response: Response, *statuses: int) -> Response:
    """Return the response if it has one of these statuses. Raises UnexpectedResponse."""
    if response.status not in statuses:
        raise UnexpectedResponse(f"{response.status} instead of {statuses}: {response.body[:150]!r}")
    return response


def is_rejected(response: Response) -> bool:
    """Return whether the service is at its limits, which is not an error."""
    return response.status in (429, 503)
