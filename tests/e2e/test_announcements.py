"""Announcements stay in the live region long enough for screen readers to speak them."""

import pytest
from playwright.sync_api import Page

from tests.support.seeded_app import SeededApp

pytestmark = pytest.mark.browser

RECORD_ANNOUNCEMENTS = """async (sentences) => {
  const { $modules } = await import(document.querySelector("script[type=module]").src);
  const { announce } = $modules["js/announcer.js"];
  const announcer = document.getElementById("announcer");
  const announced = [];
  const isDone = new Promise((resolve) => {
    new MutationObserver(() => {
      announced.push([announcer.textContent, performance.now()]);
      if (announcer.textContent === sentences.at(-1)) resolve();
    }).observe(announcer, { childList: true });
  });
  for (const sentence of sentences) announce(sentence);
  await isDone;
  return announced;
}"""


def test_simultaneous_announcements_are_made_in_sequence(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.url)
    announced = page.evaluate(RECORD_ANNOUNCEMENTS, ["Here", "Here", "there", "everywhere"])
    assert [sentence for sentence, _ in announced] == ["Here", "there", "everywhere"]
    (_, first_ms), (_, second_ms), (_, third_ms) = announced
    assert min(second_ms - first_ms, third_ms - second_ms) > 900
