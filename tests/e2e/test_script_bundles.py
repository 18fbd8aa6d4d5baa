"""The modules of a page are joined into one file that behaves like them."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route

from chromi.web.http.script_bundles import bundle_later, bundle_page, find_dynamic_imports, list_modules

pytestmark = pytest.mark.browser

SCRIPTS = {
    "js/pages/a.js": """import { later } from "../later.js";
import { count as countUp } from "../count.js";
globalThis.seen = [countUp()];
globalThis.later = later;
""",
    "js/later.js": """export async function later() {
  return (await import("./b.js")).run();
}
""",
    "js/count.js": """const counter = { value: 0 };

export function count() {
  counter.value += 1;
  return counter.value;
}
""",
    "js/b.js": """import { count } from "./count.js";
import { TEN } from "./ten.js";

export function run() {
  return TEN + count();
}
""",
    "js/ten.js": "export const TEN = 10;\n",
}
PAGE_MODULES = ["js/later.js", "js/count.js", "js/pages/a.js"]


def test_modules_come_after_those_they_import() -> None:
    assert list_modules(SCRIPTS, "js/pages/a.js") == PAGE_MODULES
    assert find_dynamic_imports(SCRIPTS, "js/pages/a.js") == ["js/b.js"]


def test_circular_import_is_an_error() -> None:
    scripts = {"js/a.js": 'import { b } from "./b.js";\n', "js/b.js": 'import { a } from "./a.js";\n'}
    with pytest.raises(ValueError, match=r"js/a\.js -> js/b\.js -> js/a\.js"):
        list_modules(scripts, "js/a.js")


def test_bundle_loaded_later_shares_modules_with_the_page(page: Page) -> None:
    files = {
        "/": '<!doctype html><title>bundles</title><script type="module" src="/js/pages/a.js"></script>',
        "/js/pages/a.js": bundle_page(SCRIPTS, "js/pages/a.js"),
        "/js/b.js": bundle_later(SCRIPTS, "js/b.js", "js/pages/a.js"),
    }

    def fulfill(route: Route) -> None:
        path = urlsplit(route.request.url).path
        kind = "text/javascript" if path.endswith(".js") else "text/html"
        route.fulfill(body=files[path], content_type=kind)

    page.route("http://chromi.test/**", fulfill)
    page.goto("http://chromi.test/")
    assert page.evaluate("async () => [...seen, await later(), await later()]") == [1, 12, 13]
