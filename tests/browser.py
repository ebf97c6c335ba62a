"""A headless Chromium for the tests of the HTML page: what a page looks like from within, at several widths.

The page is shown in frames of a page of our own, whose script measures them;
the page under test needs no change and runs under its own content security
policy. Nothing is loaded from anywhere but the given file.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["MISSING", "View", "find_browser", "look"]

MISSING = "no Chromium (apt-get install chromium): the HTML page was not looked at in a browser"

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",  # the frame's page may look into the page under test
    "--enable-logging=stderr",
    "--virtual-time-budget=8000",
    "--dump-dom",
)

_FRAME = """<!DOCTYPE html><meta charset="utf-8"><body>
<iframe src="page.html" style="width:%dpx;height:900px;border:0"></iframe><pre id="out"></pre>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement, all = [...page.querySelectorAll("body *")];
  const nodes = [...page.querySelectorAll("a.node")].filter((node) => node.getClientRects().length);
  const peeks = nodes.slice(0, 4).map((node) => {
    node.dispatchEvent(new frame.contentWindow.MouseEvent("mouseover", {bubbles: true}));
    const peek = node.closest("figure").querySelector(".peek");
    return peek.hidden ? "" : peek.innerText;
  });
  document.getElementById("out").textContent = JSON.stringify({
    title: page.title, width: root.clientWidth, scroll: root.scrollWidth, text: page.body.innerText, peeks,
    nodes: nodes.length, findings: page.querySelectorAll("article.finding").length,
    beyond: all.filter((item) => !item.closest(".excerpt, .skip"))
      .filter((item) => item.getBoundingClientRect().right > root.clientWidth + 1)
      .map((item) => item.outerHTML.slice(0, 200)),
    scripts: page.scripts.length, active: page.querySelectorAll("img, iframe, object, embed, form, base, video").length,
    handlers: all.flatMap((item) => item.getAttributeNames().filter((name) => name.startsWith("on"))),
    drawings: [...page.querySelectorAll("svg")].filter((item) => item.getClientRects().length)
      .map((item) => item.getAttribute("class")),
    focusable: [...page.querySelectorAll("a[href], summary, button, [tabindex='0']")].length,
  });
};
</script></body>
"""


@dataclass(frozen=True, slots=True)
class View:
    """What one width showed: measured values by name, and the browser's console."""

    page: dict[str, Any]
    console: tuple[str, ...]


def find_browser() -> str | None:
    """The path of a Chromium, or None."""
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


def look(text: str, width: int, folder: Path) -> View:
    """Show a page at a width, in CSS pixels, from files in `folder`; asserts that it loads."""
    browser = find_browser()
    assert browser, MISSING
    folder.mkdir(exist_ok=True)
    (folder / "page.html").write_text(text, encoding="utf-8")
    (folder / "frame.html").write_text(_FRAME % width, encoding="utf-8")
    done = subprocess.run(
        [
            browser,
            *_OPTIONS,
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width + 60},1000",
            (folder / "frame.html").as_uri(),
        ],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    found = re.search(r'<pre id="out">(.+?)</pre>', done.stdout.decode("utf-8", "replace"), re.DOTALL)
    errors = done.stderr.decode("utf-8", "replace")
    assert found, f"the page did not load: {errors[-2000:]}"
    console = tuple(line for line in errors.splitlines() if "CONSOLE" in line)
    return View(json.loads(html.unescape(found[1])), console)
