"""Capture states of a finished background and its share links."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect

from chromi.db import Job, Link
from docs.screenshots.capture import Capture
from docs.screenshots.studio import TIMEOUT_MS

PASSWORD = "four words"  # noqa: S105  of a link in a temporary folder


def make_background(page: Page) -> None:
    """Press "Make background" in the open studio and wait for the result."""
    page.get_by_role("button", name="Make background").click()
    page.wait_for_url("**/jobs/*/")
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible(timeout=TIMEOUT_MS)


def capture_result(page: Page, capture: Capture) -> None:
    page.emulate_media(color_scheme="light")
    page.reload()
    capture.save(page, "result")
    page.get_by_label("Wide", exact=True).check()
    page.get_by_label("Dark", exact=True).check()
    capture.save(page, "result-wide-dark", full_page=False)
    page.get_by_label("Portrait", exact=True).check()
    capture.save(page, "result-upright", full_page=False)
    for text in ("Compare with your video", "Or install it as an extension", "Details"):
        page.locator("summary", has_text=text).click()
    capture.save(page, "result-open", full_page=False, scroll_to=page.locator("#steps"))
    capture.save(page, "result-compare", full_page=False, scroll_to=page.locator("#compare"))
    capture_large_result(page, capture)


def capture_large_result(page: Page, capture: Capture) -> None:
    job = Job.find(page.url.rstrip("/").rsplit("/", 1)[1])
    result_json = job.result_json
    large = {"result": result_json["result"] | {"bytes": 34_200_000}}
    Job.update(result_json=large).where(Job.id == job.id).execute()
    page.reload()
    capture.save(page, "result-large", full_page=False, scroll_to=page.locator("h1"))
    Job.update(result_json=result_json).where(Job.id == job.id).execute()


def capture_share_links(page: Page, capture: Capture) -> None:
    """Capture links of every kind: the first link created, the list of all links, and their pages."""
    page.reload()
    page.get_by_role("button", name="Create link").click()
    expect(page.get_by_label("Link 1", exact=True)).to_be_visible()
    capture.save(page, "share-made", full_page=False, scroll_to=page.locator("#share"))
    links = make_links(page)
    page.reload()
    capture.save(page, "share-list", full_page=False, scroll_to=page.locator("#share"))
    page.locator("summary", has_text="QR code").first.click()
    page.locator("summary", has_text="Extend or revoke").nth(1).click()
    capture.save(page, "share-open", full_page=False, scroll_to=page.locator("#links"))
    capture_receiver_pages(page, capture, links)


def make_links(page: Page) -> dict[str, str]:
    """Create one link in each state, and return their URLs by state."""
    links_url = f"{page.url}links/"

    def make(**options: Any) -> dict[str, Any]:
        response = page.request.post(links_url, form=options, headers={"Accept": "application/json"})
        link: dict[str, Any] = response.json()
        return link

    links = {"used-up": make(max_uses=1), "expired": make(max_uses=10), "revoked": make()}
    links |= {"locked": make(expires="7d", password=PASSWORD), "live": make(max_uses=5)}
    update_link(links["used-up"], uses=1)
    update_link(links["expired"], expires_at=time.time() - 7200, uses=3)
    update_link(links["revoked"], revoked_at=time.time())
    update_link(links["live"], uses=2)
    return {state: link["url"] for state, link in links.items()}


def update_link(link: dict[str, Any], **columns: Any) -> None:
    Link.update(**columns).where(Link.id == link["link_id"]).execute()


def capture_receiver_pages(page: Page, capture: Capture, links: dict[str, str]) -> None:
    page.goto(links["live"])
    capture.save(page, "receiver")
    for state in ("used-up", "expired", "revoked"):
        page.goto(links[state])
        capture.save(page, f"receiver-{state}")
    page.goto(links["locked"])
    capture.save(page, "receiver-password")
    page.get_by_label("Password for this link").fill("wrong words")
    page.get_by_role("button", name="View background").click()
    expect(page.get_by_role("alert")).to_be_visible()
    capture.save(page, "receiver-wrong-password")
