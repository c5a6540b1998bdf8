"""The classroom as a site, as `notebooks/classroom/make.py` builds it: served on loopback, everything else blocked."""

import contextlib
import functools
import hashlib
import http.server
import itertools
import json
import os
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from browser import CHROMIUM, FLAGS, MISSING, sync_playwright
from needs import absent

SITE = Path(os.environ.get('CLASSROOM', ''))
BLOCKED = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'
ALARM = '() => { window.hit = 0; window.alert = () => { window.hit += 1 }; }'
MINUTE = 60_000  # the kernel takes its time on a busy machine
LIMITS = {'.': 70, 'run': 45}  # megabytes


@pytest.fixture(scope='module')
def site() -> Path:
    if not os.environ.get('CLASSROOM'):
        absent('python notebooks/classroom/make.py FOLDER, and set CLASSROOM to that folder')
    return SITE


@contextlib.contextmanager
def serving(folder: Path, headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a folder on loopback, with more headers where they are asked for."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            for header in (headers or {}).items():
                self.send_header(*header)
            super().end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_address[1]}'
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope='module')
def served(site: Path) -> Iterator[str]:
    with serving(site) as address:
        yield address


@pytest.fixture(scope='module')
def visit(served: str) -> Iterator:
    """Open a page of the site in a browser that finds nothing else; at the end, no page has asked for anything else."""
    if MISSING:
        absent(f'the site is tested in a browser: {"; ".join(MISSING)}')
    asked: list[str] = []
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, BLOCKED])

        def open_(path: str, width: int = 1280, **options):
            context = browser.new_context(viewport={'width': width, 'height': 800}, **options)
            page = context.new_page()
            page.set_default_timeout(MINUTE)
            context.on('request', lambda request: asked.append(request.url))
            page.goto(f'{served}/{path}')
            return page

        yield open_
        browser.close()
    assert [url for url in asked if not url.startswith((served, 'data:', 'blob:', 'about:'))] == []


@pytest.mark.parametrize('part', LIMITS)
def test_sizes(site, part):
    assert sum(path.stat().st_size for path in (site / part).rglob('*') if path.is_file()) < LIMITS[part] * 1e6


def test_every_lesson_is_a_page_of_at_most_3_mb_with_a_way_to_the_next_one(site):
    lessons = sorted(path.stem for path in Path(__file__).parent.parent.glob('notebooks/*.ipynb'))
    for before, after in itertools.pairwise(lessons):
        page = site / 'lessons' / f'{before}.html'
        assert page.stat().st_size < 3e6
        text = page.read_text(encoding='utf-8')
        assert f'../run/lab/index.html?path={before}.ipynb' in text
        assert re.search(rf'<a class="next-page" href="{after}\.html"', text), before
        assert re.search(r'(src|href)="https?://(?!127)[^"]*\.(js|css|woff2?)', text) is None


def test_the_reference_has_the_public_functions_with_their_examples(site):
    text = (site / 'lessons' / 'reference.html').read_text(encoding='utf-8')
    for name in ('micrograd.draw_dot', 'micrograd.nn.MLP', 'micrograd.optim.Adam', 'micrograd.bridge.to_torch'):
        assert f'id="{name}"' in text
    assert '<li><p>label: a name for people to read.' in text
    assert '&gt;&gt;&gt; ' in text and 'system-message' not in text


def test_licences_go_with_what_is_bundled(site):
    texts = {path.name: path.read_text(encoding='utf-8') for path in (site / 'licences').iterdir()}
    for name, words in {'micrograd': 'MIT License', 'pyodide': 'Mozilla Public License Version 2.0', 'viz.js': 'Daines',
                        'graphviz-in-viz.js': 'Eclipse Public License - v 2.0', 'python': 'PYTHON SOFTWARE FOUNDATION',
                        'mathjax': 'Apache License', 'jupyterlite': 'Redistribution', 'sphinx': 'BSD'}.items():
        assert words in texts[f'{name}.txt']
    assert 'Permission is hereby granted' in texts['viz.js.txt']
    for wheel in (site / 'run' / 'static' / 'pyodide').glob('*.whl'):
        assert len(texts[f'{wheel.name.split("-")[0]}.txt']) > 500, wheel.name
    assert set(re.findall(r'`([\w.-]+\.txt)`', texts['README.md'])) <= set(texts)


def test_the_wheels_hold_the_bytecode_of_what_a_kernel_imports(site):
    """With a lock file that knows them as they are. A kernel that has to compile its modules starts later."""
    folder = site / 'run' / 'static' / 'pyodide'
    packages = json.loads((folder / 'pyodide-lock.json').read_text())['packages']
    for name in ('micrograd', 'ipython', 'jedi', 'traitlets'):
        wheel = folder / packages[name]['file_name']
        assert hashlib.sha256(wheel.read_bytes()).hexdigest() == packages[name]['sha256']
        held = zipfile.ZipFile(wheel).namelist()
        modules = [Path(member) for member in held if member.endswith('.py') and 'third_party' not in member]
        assert modules
        for module in modules:
            assert f'{module.parent}/__pycache__/{module.stem}.cpython-314.pyc' in held


def test_a_lesson_plays_without_a_kernel(visit):
    page = visit('lessons/01_one_weight.html')
    player = page.frame_locator('iframe[title="Backpropagation, step by step"]').first
    seen = []
    for _ in range(3):
        player.locator('#forward').click()
        seen.append(player.locator('#place').inner_text())
    assert [text.split(' of ')[0] for text in seen] == ['Step 2', 'Step 3', 'Step 4']
    page.wait_for_selector('mjx-container')
    line = 'all => all.map(a => getComputedStyle(a).textDecorationLine)'
    assert set(page.locator('.cell_output svg a').evaluate_all(line)) == {'none'}  # they hold tooltips alone


def test_the_search_works_offline(visit):
    page = visit('lessons/search.html?q=softmax')
    page.wait_for_selector('#search-results li a')
    assert '10_softmax' in ' '.join(page.locator('#search-results li a').evaluate_all('all => all.map(a => a.href)'))


@pytest.fixture(scope='module')
def trying(visit):
    page = visit('try/index.html')
    page.wait_for_selector('body[data-answered]')
    page.wait_for_selector('#picture svg')
    return page


def ask(page, text: str, where: str = '#expression') -> None:
    before = page.evaluate('document.body.dataset.answered')
    page.fill(where, text)
    page.wait_for_function('before => document.body.dataset.answered !== before', arg=before)


def test_an_expression_is_answered_with_everything(trying):
    page = trying
    assert page.locator('#picture svg title').count() > 3
    assert '∂loss/∂w' in page.text_content('#chain') and 'gradients, by the chain rule' in page.text_content('#tables')
    assert 'def forward_and_backward(w, x, y):' in page.text_content('#python')
    assert 'function' in page.text_content('#javascript')
    page.frame_locator('#player iframe').locator('#forward').click()


def test_numbers_and_expressions_change_the_answer_and_the_address(trying, visit, capsys):
    page = trying
    ask(page, 'n = a*b; o = tanh(n)')
    page.wait_for_function("document.querySelectorAll('#numbers input').length === 2")
    ask(page, '0.25', '#numbers input[name=a]')
    assert re.search(r'a\s+=\s+0.25', page.text_content('#tables'))
    again = visit(page.url.split('/', 3)[3])
    again.wait_for_selector('body[data-answered]')
    assert again.input_value('#expression') == 'n = a*b; o = tanh(n)'
    assert again.text_content('#tables') == page.text_content('#tables')
    took = [int(page.evaluate('document.body.dataset.took'))]
    for factor in range(3, 8):
        ask(page, f'n = a*b*{factor}; o = tanh(n)')
        took.append(int(page.evaluate('document.body.dataset.took')))
    ready, first = (int(again.evaluate(f'document.body.dataset.{what}')) for what in ('ready', 'took'))
    with capsys.disabled():
        later = sorted(took)[len(took) // 2]
        print(f'\nthe try page: loaded in {ready} ms, the first answer in {first} ms, then in {later} ms')


@pytest.mark.parametrize(('expression', 'words'), [
    ('loss = (w*x - ', 'never closed'), ('log(w)', 'log(w = -1.0)'), ('__import__("os")', ''), ('w.data', ''),
    ('', 'expression'), ('"<img src=x onerror=alert(1)>"', ''), ('[' * 500, ''),
    ('x = w; x = w', 'x'), ('lambda: w', ''),
])
def test_a_wrong_or_hostile_expression_is_an_error_in_words(trying, expression, words):
    page = trying
    page.evaluate(ALARM)
    ask(page, 'w*w')
    if expression == 'log(w)':
        ask(page, '-1', '#numbers input[name=w]')
    ask(page, expression)
    assert page.is_visible('#error')
    assert page.locator('#numbers input').count()  # which do not come and go while one types
    assert words in page.text_content('#error') != ''
    assert page.evaluate('window.hit') == 0
    ask(page, 'w*2')
    page.wait_for_selector('#error', state='hidden')


def test_hostile_addresses_do_nothing_but_an_error(visit):
    page = visit('index.html')
    page.add_init_script(f'({ALARM})()')
    start, answered = page.url.replace('index.html', 'try/index.html#'), None
    for fragment in ('e=' + quote('w*x') + '&n.w=' + quote('<script>alert(1)</script>'), 'e=' + 'w*' * 5000 + 'w', '%',
                     'e=%E0%A4%A', 'n.x=1', 'e=' + quote('</script><img src=x onerror=alert(1)>'),
                     'e=' + quote('w*x') + '&n.w=' + '9' * 400, 'e=' + quote('[' * 500), 'e=a&n.__proto__=1'):
        page.goto(start + fragment)
        page.wait_for_function('before => (document.body.dataset.answered ?? null) !== before', arg=answered)
        answered = page.evaluate('document.body.dataset.answered')
        assert page.evaluate('window.hit') == 0
        assert page.locator('img, script:not([src])').count() == 0
        assert page.is_visible('#error') or page.is_visible('#answer')


@pytest.mark.parametrize('lesson', ['00_slopes_by_nudging', '01_one_weight', '02_vector_weights_and_descent',
                                    '03_build_it_yourself'])
def test_a_lesson_runs_to_the_end_in_jupyterlite(visit, lesson):
    page = visit(f'run/lab/index.html?path={lesson}.ipynb')
    page.wait_for_selector('.jp-Notebook .jp-CodeCell', timeout=6 * MINUTE)
    page.get_by_role('menuitem', name='Run', exact=True).click()
    page.get_by_role('menuitem', name='Run All Cells', exact=True).click()
    page.wait_for_function("""() => {  // a cell without code, which waits for an answer, gets no number
        const all = [...document.querySelectorAll(".jp-Notebook .jp-CodeCell .jp-InputPrompt")];
        const prompts = all.map(prompt => prompt.textContent);
        return prompts.some(text => /\\d/.test(text)) && !prompts.some(text => text.includes('*'));
    }""", timeout=8 * MINUTE)
    errors = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]')
    assert errors.count() == 0, errors.first.text_content()
    assert page.locator('.jp-OutputArea-output').count() > 7
    for player in page.locator('.jp-Notebook iframe[title="Backpropagation, step by step"]').all():
        player.scroll_into_view_if_needed()
        assert player.content_frame.locator('#graph svg').bounding_box()['width'] > 300
