"""The states of a background that is made, and of its links."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect

from chromi.db import Job, Link
from docs.screenshots.camera import Camera
from docs.screenshots.studio import PATIENCE_MS


def make_result(page: Page) -> None:
    """From the studio to the result's page."""
    page.get_by_role("button", name="Make background").click()
    page.wait_for_url("**/jobs/*/")
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible(timeout=PATIENCE_MS)


def take_result(page: Page, camera: Camera) -> None:
    page.emulate_media(color_scheme="light")
    page.reload()
    camera.take(page, "result")
    page.get_by_label("Wide", exact=True).check()
    page.get_by_label("Dark", exact=True).check()
    camera.take(page, "result-wide-dark", whole=False)
    page.get_by_label("Upright", exact=True).check()
    camera.take(page, "result-upright", whole=False)
    for words in ("Compare it with your clip", "Or take it as an extension", "Details"):
        page.locator("summary", has_text=words).click()
    camera.take(page, "result-open", whole=False, at=page.locator("#steps"))
    compare = page.locator("#compare")
    camera.take(page, "result-compare", whole=False, at=compare)
    take_large(page, camera)


def take_large(page: Page, camera: Camera) -> None:
    job = Job.find(page.url.rstrip("/").rsplit("/", 1)[1])
    usual = job.result_json
    Job.update(result_json={**usual, "bytes": 34_200_000}).where(Job.id == job.id).execute()
    page.reload()
    camera.take(page, "result-large", whole=False, at=page.locator("h1"))
    Job.update(result_json=usual).where(Job.id == job.id).execute()


def take_links(page: Page, camera: Camera) -> None:
    """Make one link of each kind, the list of them, and what their receivers see."""
    page.reload()
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_label("Link 1", exact=True)).to_be_visible()
    camera.take(page, "share-made", whole=False, at=page.locator("#share"))
    links = f"{page.url}links/"

    def make(**options: Any) -> dict[str, Any]:
        answer = page.request.post(links, form=options, headers={"Accept": "application/json"})
        link: dict[str, Any] = answer.json()
        return link

    used_up, expired, revoked = make(max_uses=1), make(max_uses=10), make()
    locked, live = make(expires="7d", password="four words"), make(max_uses=5)  # noqa: S106  shown to nobody
    change(used_up, uses=1)
    change(expired, expires_at=time.time() - 7200, uses=3)
    change(revoked, revoked_at=time.time())
    change(live, uses=2)
    page.reload()
    camera.take(page, "share-list", whole=False, at=page.locator("#share"))
    page.locator("summary", has_text="QR code").first.click()
    page.locator("summary", has_text="Extend or revoke").nth(1).click()
    camera.take(page, "share-open", whole=False, at=page.locator("#links"))
    for name, link in {"": live, "-used-up": used_up, "-expired": expired, "-revoked": revoked}.items():
        page.goto(link["url"])
        camera.take(page, f"receiver{name}")
    page.goto(locked["url"])
    camera.take(page, "receiver-password")
    page.get_by_label("Password for this link").fill("wrong words")
    page.get_by_role("button", name="Show the background").click()
    expect(page.get_by_role("alert")).to_be_visible()
    camera.take(page, "receiver-wrong-password")


def change(link: dict[str, Any], **columns: Any) -> None:
    Link.update(**columns).where(Link.id == link["link_id"]).execute()
