"""Look at every page of the built site in headless Chromium: `python docs/site/check.py site`.

Idea    A page must load without a message on the console, without a request to anywhere else, and
        without becoming wider than a telephone. The search must find RoIAlign, and every link of
        the network's figure must lead to a file.
Source  Chromium is the system's (`apt-get install chromium`); playwright drives it.
"""

import argparse
import functools
import http.server
import re
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

MOST_BYTES = 30 * 10**6
NARROW, WIDE = {"width": 380, "height": 800}, {"width": 1200, "height": 900}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run"]  # fmt: skip


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of files that prints nothing."""

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        if self.path == "/favicon.ico":  # browsers ask for it, whatever the page says
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--pictures", type=Path, help="save pictures of the first pages here")
    given = parser.parse_args()
    handler = functools.partial(Quiet, directory=given.site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=given.chromium, args=FLAGS)
        pages = pages_of(given.site)
        faults = [*size_of(given.site), *links_of_figure(given.site)]
        faults += [
            fault for page in pages for fault in look(browser, address, page, given.pictures)
        ]
        faults += search(browser, address)
        browser.close()
    print("\n".join(faults) or f"{len(pages)} pages, nothing wrong")
    return 1 if faults else 0


def pages_of(site):
    """The pages that readers are led to, and a few of the source files."""
    pages = [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))]
    pages = [page for page in pages if not page.startswith("_static/")]
    code = [page for page in pages if page.startswith("source/")]
    return [page for page in pages if page not in code] + code[:: max(1, len(code) // 8)]


def look(browser, address, page, pictures):
    """Yield a sentence for everything that is wrong with a page."""
    for view in (WIDE, NARROW):
        tab = browser.new_page(viewport=view)
        said, asked = [], []
        tab.on("console", lambda message, said=said: said.append(message.text))
        tab.on("pageerror", lambda error, said=said: said.append(str(error)))
        tab.on("request", lambda request, asked=asked: asked.append(request.url))
        tab.goto(f"{address}/{page}", wait_until="load")
        width = tab.evaluate("document.documentElement.scrollWidth")
        yield from (f"{page}: the console says {text!r}" for text in said)
        others = [url for url in asked if not url.startswith((address, "data:", "blob:"))]
        yield from (f"{page}: asks for {url}" for url in others)
        if width > view["width"] + 1:
            yield f"{page}: {width} pixels wide in a window of {view['width']}"
        if pictures and page.count("/") < 2:
            pictures.mkdir(exist_ok=True)
            name = f"{page.replace('/', '_')}_{view['width']}.png"
            tab.screenshot(path=pictures / name, full_page=False)
        tab.close()


def search(browser, address):
    """Yield a sentence if the search does not find the chapter about RoIAlign."""
    tab = browser.new_page(viewport=WIDE)
    tab.goto(f"{address}/search.html?q=RoIAlign")
    tab.wait_for_selector("#search-results li a", timeout=20_000)
    found = tab.eval_on_selector_all("#search-results li a", "all => all.map(a => a.href)")
    if not any("roi_align" in link for link in found):
        yield f"search.html: RoIAlign leads to {found[:5]}"
    tab.close()


def links_of_figure(site):
    """Yield a sentence for each link of the start page that leads to no file."""
    text = (site / "index.html").read_text(encoding="utf-8")
    figure = text[text.index('class="network"') :]
    links = re.findall(r'href="([^"#]+)"', figure[: figure.index("</section>")])
    if len(links) < 40:
        yield f"index.html: the figure has {len(links)} links only"
    yield from (f"index.html: {link} is missing" for link in links if not _leads(site, link))


def _leads(site, link):
    return "://" in link or (site / link).is_file()


def size_of(site):
    """Yield a sentence if the site is too large."""
    total = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    if total > MOST_BYTES:
        yield f"the site has {total / 1e6:.0f} MB, more than {MOST_BYTES / 1e6:.0f}"


if __name__ == "__main__":
    sys.exit(main())
