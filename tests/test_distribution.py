"""Packages that the classroom's pages take from a Pyodide distribution elsewhere, as `make.py --pyodide` lists them."""

import json
import sys
import zipfile
from pathlib import Path

from browser import CHROMIUM, FLAGS, MISSING, sync_playwright
from needs import absent
from test_classroom import BLOCKED, MINUTE, served, serving, site  # noqa: F401  the first and the last are fixtures

sys.path.insert(0, str(Path(__file__).parent.parent / 'notebooks' / 'classroom'))
from lock import entry, with_distribution

RUN = '''async ([address, lock]) => {
    const { loadPyodide } = await import(`${address}/run/static/pyodide/pyodide.mjs`);
    const pyodide = await loadPyodide({ lockFileContents: lock, packageBaseUrl: `${address}/run/static/pyodide/` });
    await pyodide.loadPackagesFromImports('import micrograd, numpy');
    return pyodide.runPython('import micrograd, numpy; [numpy.MADE, micrograd.Value(2.0).data]').toJs();
}'''


def stand_in(folder: Path) -> Path:
    """A wheel that is named as NumPy's is, whose builds for the browser no registry of ours has."""
    wheel = folder / 'numpy-9.0-py3-none-any.whl'
    with zipfile.ZipFile(wheel, 'w') as archive:
        archive.writestr('numpy/__init__.py', 'MADE = "elsewhere"\n')
        archive.writestr('numpy-9.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: numpy\nVersion: 9.0\n')
        archive.writestr('numpy-9.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        archive.writestr('numpy-9.0.dist-info/RECORD', '')
    return wheel


def test_what_the_site_has_itself_does_not_come_from_the_distribution():
    theirs = {name: {'name': name, 'file_name': f'{name}.whl'} for name in ('jedi', 'numpy')}
    ours = {'jedi': {'name': 'jedi', 'file_name': 'jedi-ours.whl'}}
    packages = with_distribution(ours, theirs, 'https://a.b/')
    assert {name: package['file_name'] for name, package in packages.items()} == {
        'jedi': 'jedi-ours.whl', 'numpy': 'https://a.b/numpy.whl'}


def test_a_package_comes_from_the_distribution_and_the_others_from_the_site(site, served, tmp_path):  # noqa: F811
    if MISSING:
        absent(f'the site is tested in a browser: {"; ".join(MISSING)}')
    numpy = entry(stand_in(tmp_path), {'name': 'numpy', 'imports': ['numpy'], 'depends': []})
    lock = json.loads((site / 'run' / 'static' / 'pyodide' / 'pyodide-lock.json').read_text())
    with serving(tmp_path, {'Access-Control-Allow-Origin': '*'}) as elsewhere, sync_playwright() as playwright:
        lock['packages'] = with_distribution(lock['packages'], {'numpy': numpy, 'jedi': numpy}, elsewhere)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, BLOCKED])
        page = browser.new_page()
        page.set_default_timeout(MINUTE)
        asked: list[str] = []
        page.on('request', lambda request: asked.append(request.url))
        page.goto(f'{served}/index.html')
        assert page.evaluate(RUN, [served, json.dumps(lock)]) == ['elsewhere', 2.0]
        assert [url for url in asked if not url.startswith(served)] == [f'{elsewhere}/{numpy["file_name"]}']
        browser.close()
