"""What a screen reader is told stands long enough to be spoken."""

import pytest
from playwright.sync_api import Page

from tests.support.seeded_app import House

pytestmark = pytest.mark.browser

ANNOUNCE = """async (sentences) => {
  const { announce } = await import(document.querySelector('[href$="/js/announce.js"]').href);
  const announcer = document.getElementById("announcer");
  const told = [];
  const isOver = new Promise((resolve) => {
    new MutationObserver(() => {
      told.push([announcer.textContent, performance.now()]);
      if (announcer.textContent === sentences.at(-1)) resolve();
    }).observe(announcer, { childList: true });
  });
  for (const sentence of sentences) announce(sentence);
  await isOver;
  return told;
}"""


def test_what_comes_at_once_is_told_one_after_another(page: Page, house: House) -> None:
    page.goto(house.url)
    told = page.evaluate(ANNOUNCE, ["Here", "Here", "there", "everywhere"])
    assert [sentence for sentence, _ in told] == ["Here", "there", "everywhere"]
    (_, here_ms), (_, there_ms), (_, everywhere_ms) = told
    assert min(there_ms - here_ms, everywhere_ms - there_ms) > 900
