"""Those who come during a soak: some make a background, some share it, some do it wrong, some run away."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.soak.client import PIECE, TUS, Answer, Client

POLL_S = 0.7
PAUSE_S = (0.2, 2.0)
PIECE_BYTES = 300_000
JOB_TIMEOUT_S = 180


class Wrong(Exception):
    """The service answered what it must not."""


@dataclass
class Visits:
    """What has been done so far, by all visitors together."""

    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Visitors:
    """So many people at once, each doing one thing after the other until they are told to stop."""

    def __init__(self, client: Client, clip: bytes, heavy_clip: bytes, *, count: int, seed: int) -> None:
        self.visits = Visits()
        self._client, self._clip, self._heavy_clip = client, clip, heavy_clip
        self._stop = threading.Event()
        self._shared = self._make_shared()
        self._threads = [
            threading.Thread(target=self._visit, args=(random.Random(seed + number),))  # noqa: S311
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each finish what it does."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, dice: random.Random) -> None:
        kinds: dict[str, tuple[int, Callable[[random.Random], None]]] = {
            "one-shot": (4, self._one_shot),
            "studio": (4, self._studio),
            "share": (3, self._share),
            "cancel": (2, self._cancel),
            "look": (4, self._look),
            "bad file": (3, self._bad_file),
            "run away": (2, self._run_away),
        }
        names, weights = list(kinds), [weight for weight, _ in kinds.values()]
        while not self._stop.wait(dice.uniform(*PAUSE_S)):
            [name] = dice.choices(names, weights)
            try:
                kinds[name][1](dice)
                self.visits.done[name] += 1
            except Exception as error:
                self.visits.wrong.append(f"{name}: {type(error).__name__}: {error}"[:300])

    # -- what they do ----------------------------------------------------------------------------------

    def _one_shot(self, dice: random.Random) -> None:
        answer = self._client.post("/convert/", self._clip, duration="1", quality="small")
        if is_refused(answer):
            return
        url = self._wait_for(expect(answer, 202).json["job_id"])
        whole = expect(self._client.get(url), 200).body
        self._download_in_parts(url, whole, dice)

    def _studio(self, dice: random.Random) -> None:
        upload_id = self._upload_in_pieces(dice)
        if upload_id is None:
            return
        here = f"/uploads/{upload_id}/"
        expect(self._client.get(here, Accept="text/html"), 200)
        expect(self._client.get(f"{here}video", Range="bytes=0-99"), 206)
        estimate = self._client.post(f"{here}estimates/", duration="1")
        if not is_refused(estimate):
            expect(self._client.get(f"/jobs/{expect(estimate, 202).json['job_id']}/estimates"), 200)
        if dice.random() < 0.3:
            self._client.post(f"{here}loops/", duration="2")
        answer = self._client.post(f"{here}jobs/", duration="1", start_time=f"{dice.uniform(0, 2):.1f}")
        if not is_refused(answer):
            self._wait_for(expect(answer, 202).json["job_id"])

    def _share(self, dice: random.Random) -> None:
        job_id, digest = self._shared
        links = f"/jobs/{job_id}/links/"
        how = dice.choice([{"one_time": "on"}, {"max_uses": "3"}, {"password": "four words"}, {}])
        answer = self._client.post(links, expires="10m", **how)
        if answer.status == 409:  # it has as many links as a background may have
            self._shared = self._make_shared()
            return
        link = expect(answer, 201).json
        path = "/" + link["url"].split("/", 3)[3]
        expect(self._client.get(link["qr_url"]), 200)
        expect(self._client.get(path, Accept="text/html"), 200)
        if "password" in how:
            expect(self._client.post(path, password="guess"), 403)  # noqa: S106
        # Not by GET: a link with a limit gives its file only to a form or a program that people type.
        got = expect(self._client.post(path, **how), 200)
        if hashlib.sha256(got.body).hexdigest() != digest:
            raise Wrong("a shared file has other bytes")
        expect(self._client.post(link["revoke_url"]), 200)
        expect(self._client.get(path), 410)

    def _cancel(self, dice: random.Random) -> None:
        answer = self._client.post("/convert/", self._heavy_clip, duration="4")
        if is_refused(answer):
            return
        job_id = expect(answer, 202).json["job_id"]
        time.sleep(dice.uniform(0, 6))
        expect(self._client.post(f"/jobs/{job_id}/cancel"), 202, 409)

    def _look(self, dice: random.Random) -> None:
        expect(self._client.get("/", Accept="text/html"), 200)
        expect(self._client.get(f"/jobs/{'0' * 32}/"), 404)
        expect(self._client.get("/download/" + "x" * dice.choice((5, 90, 2000)) + "/"), 404)
        expect(self._client.get(f"/jobs/{self._shared[0]}/status", Accept="text/html"), 200)

    def _bad_file(self, dice: random.Random) -> None:
        bad = dice.choice(
            [dice.randbytes(20_000), self._clip[: len(self._clip) // 3], b"#EXTM3U\n/etc/passwd"]
        )
        expect(self._client.post("/uploads/", bad), 415, 429, 503)
        expect(self._client.post("/convert/", self._clip, duration="99"), 422, 429, 503)

    def _run_away(self, dice: random.Random) -> None:
        self._client.cut_upload("/uploads/", self._heavy_clip)
        self._upload_in_pieces(dice, give_up=True)

    # -- how -------------------------------------------------------------------------------------------

    def _make_shared(self) -> tuple[str, str]:
        """One background that is there all the time: its id and its file's hash."""
        job_id = expect(self._client.post("/convert/", self._clip, duration="2"), 202).json["job_id"]
        gif = self._client.get(self._wait_for(job_id)).body
        expect(self._client.post(f"/jobs/{job_id}/links/", expires="24h"), 201)
        return job_id, hashlib.sha256(gif).hexdigest()

    def _upload_in_pieces(self, dice: random.Random, *, give_up: bool = False) -> str | None:
        """Send the clip by tus; None when it was refused or given up."""
        clip = self._clip
        begun = self._client.ask(
            "POST", "/uploads/resumable/", headers=TUS | {"Upload-Length": str(len(clip))}
        )
        if is_refused(begun):
            return None
        place = expect(begun, 201).headers["location"]
        for start in range(0, len(clip), PIECE_BYTES):
            headers = PIECE | {"Upload-Offset": str(start)}
            piece = clip[start : start + PIECE_BYTES]
            expect(self._client.ask("PATCH", place, body=piece, headers=headers), 204)
            if give_up:
                if dice.random() < 0.5:
                    expect(self._client.ask("DELETE", place, headers=TUS), 204)
                return None
        return place.rpartition("/")[2]

    def _wait_for(self, job_id: str) -> str:
        """Poll as a page does, and give the address of the result."""
        deadline = time.monotonic() + JOB_TIMEOUT_S
        while time.monotonic() < deadline:
            job = expect(self._client.get(f"/jobs/{job_id}/"), 200).json
            if job["status"] == "success":
                return str(job["converted_url"])
            if job["status"] not in ("queued", "in_progress"):
                raise Wrong(f"a job ended as {job['status']}: {job['error']}")
            time.sleep(POLL_S)
        raise Wrong(f"a job did not end within {JOB_TIMEOUT_S} s")

    def _download_in_parts(self, url: str, whole: bytes, dice: random.Random) -> None:
        """Break a download off, and get the rest."""
        cut = dice.randrange(1, len(whole))
        start = self._client.ask("GET", url, at_most=cut).body
        rest = expect(self._client.get(url, Range=f"bytes={cut}-"), 206).body
        if start + rest != whole:
            raise Wrong("a resumed download has other bytes")


def expect(answer: Answer, *statuses: int) -> Answer:
    """Give the answer back if it has one of these; raises Wrong."""
    if answer.status not in statuses:
        raise Wrong(f"{answer.status} instead of {statuses}: {answer.body[:150]!r}")
    return answer


def is_refused(answer: Answer) -> bool:
    """True when the service has no room for it now, which is no fault."""
    return answer.status in (429, 503)
