"""What tests share: the browser that the step player is tested in, and a world without garbage collection."""

import gc
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from browser import CHROMIUM, FLAGS, MISSING, Browser, Opened, sync_playwright
from needs import absent, skip_absent, skip_what_a_browser_has_not, skip_what_is_not_installed
from node import NODE, Node
from playgrounds import Moons

from micrograd.show import drawing
from micrograd.show.page import Page

# A machine that does something else meanwhile is no fault, so nothing has a deadline; counts are what tests hold.
hypothesis.settings.register_profile('without deadlines', deadline=None)
hypothesis.settings.load_profile('without deadlines')


@pytest.hookimpl(wrapper=True)
def skipped_if_it_lacks_something() -> Iterator[object]:
    """A test that ends since something is not installed is skipped."""
    try:
        return (yield)
    except Exception as error:
        skip_what_is_not_installed(error)
        skip_what_a_browser_has_not(error)
        raise


pytest_runtest_setup = pytest_runtest_call = skipped_if_it_lacks_something


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip_absent(items)


@pytest.fixture(scope='session')
def browser() -> Iterator['Browser']:
    if MISSING:
        absent(f'pages are tested in a browser: {"; ".join(MISSING)}')
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope='session')
def node() -> Iterator[Node]:
    if not NODE:
        absent('JavaScript is tested in Node: apt install nodejs')
    running = Node()
    yield running
    running.close()


@pytest.fixture
def opened(browser: 'Browser', tmp_path: Path):
    """Open a player in a page of its own; at the end, it has asked for nothing and complained of nothing."""
    contexts, pages = [], []

    def open_(player: Page, fragment: str = '', width: int = 1200, height: int = 900, **options) -> Opened:
        contexts.append(browser.new_context(viewport={'width': width, 'height': height}, **options))
        page = Opened(contexts[-1].new_page())
        pages.append(page)
        path = player.save(tmp_path / f'{len(pages)}.html')
        page.page.goto(path.as_uri() + fragment)
        return page

    yield open_
    for page in pages:
        assert page.complaints == []
        assert [url for url in page.requests if not url.startswith(('file:', 'data:'))] == []
        assert len([url for url in page.requests if url.startswith('file:')]) <= 1
    for context in contexts:
        context.close()


@pytest.fixture
def network() -> Moons:
    """A small network, and what its playground is made of."""
    return Moons((4, 1), count=20)


@pytest.fixture(params=['system', 'pip'])
def each_dot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Draw with Graphviz's own `dot`, and once more with the pip-installed one; in a browser, with what is there."""
    if sys.platform == 'emscripten' and request.param == 'system':
        return Path('viz.js')
    found = shutil.which('dot') if request.param == 'system' else drawing.pip_installed_dot()
    if found is None:
        absent('pictures are tested with either dot: apt install graphviz, pip install graphviz-pure')
    monkeypatch.setattr(drawing, 'find_dot', lambda: Path(found))
    return Path(found)


@pytest.fixture
def no_gc():
    """Reference counting alone frees what is freed."""
    gc.disable()
    yield
    gc.enable()
