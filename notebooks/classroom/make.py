"""The classroom as a folder that any file server can serve: `python notebooks/classroom/make.py FOLDER`.

    lessons/     every notebook as a page, and the reference, by Sphinx, with a search that works offline
    run/         the readers' copies in JupyterLite, where `import micrograd` needs no install
    try/         one line to type in, and all that this package tells about it
    licences/    of what is bundled

Everything comes from the registries of pip and npm, at the versions below; what is built asks no other place.
It needs what `pip install ".[site]"` brings, and npm. --pyodide ADDRESS names a Pyodide distribution from which the
pages may take further packages, such as NumPy and matplotlib, so that plots appear.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))
import build as notebooks  # noqa: E402  the notebooks' own command
from lock import entry, with_distribution  # noqa: E402

NPM = {'pyodide': PYODIDE_VERSION, '@viz-js/viz': '3.31.0', 'mathjax': '3.2.2'}
RUNTIME = ('pyodide.mjs', 'pyodide.asm.mjs', 'pyodide.asm.wasm', 'python_stdlib.zip')
KERNEL = ('micropip', 'ipython', 'jedi', 'tqdm')  # what the kernel asks of Pyodide's distribution, and what these need
PURE = ('--only-binary=:all:', '--python-version=3.14', '--implementation=py', '--abi=none', '--platform=any')
INSTALLED = {'sphinx': 'sphinx', 'furo': 'furo', 'myst-nb': 'myst-nb', 'jupyterlite-core': 'jupyterlite',
             'jupyterlite-pyodide-kernel': 'jupyterlite-pyodide-kernel', 'graphviz-pure': 'graphviz-in-viz.js',
             'typing-extensions': 'python'}  # whose licences are those of what is bundled
MORE = {'comm': ['comm'], 'graphviz': ['graphviz']}  # from PyPI besides, with what is imported from them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--pyodide', default='', metavar='ADDRESS', help='a distribution for further packages')
    arguments = parser.parse_args()
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        Site(arguments.folder.resolve(), Path(folder), arguments.pyodide).build()
    whole, kernel = megabytes(arguments.folder), megabytes(arguments.folder / 'run')
    print(f'{arguments.folder}: {whole:.0f} MB, of which run/ {kernel:.0f}; built in {time.monotonic() - began:.0f} s')


class Site:
    """What is being built: into `out`, with `work` for what lies on the way."""

    def __init__(self, out: Path, work: Path, address: str) -> None:
        self.out, self.work, self.address = out, work, address

    def build(self) -> None:
        if self.out.exists():
            shutil.rmtree(self.out)
        self.out.mkdir(parents=True)
        self.modules = {name: self.npm(name, version) for name, version in NPM.items()}
        self.wheel = self.built_wheel()
        self.run_pages()
        self.lesson_pages()
        shutil.copytree(HERE / 'try', self.out / 'try')
        for start in (HERE / 'index.html', HERE.parent / 'pictures' / 'one_weight.svg'):
            shutil.copy(start, self.out)
        self.licences()

    def npm(self, name: str, version: str) -> Path:
        """A package of npm's, unpacked."""
        folder = self.work / 'npm' / name.replace('/', '_')
        folder.mkdir(parents=True)
        run('npm', 'pack', '--silent', f'{name}@{version}', cwd=folder)
        with tarfile.open(next(folder.glob('*.tgz'))) as archive:
            archive.extractall(folder, filter='data')
        return folder / 'package'

    def built_wheel(self) -> Path:
        folder = self.work / 'wheel'
        others = shutil.ignore_patterns('.*', 'build', 'dist', 'notebooks', 'tests', 'benchmarks')
        shutil.copytree(TOP, self.work / 'source', ignore=others)
        run(sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '-w', folder, self.work / 'source')
        return next(folder.glob('micrograd-*.whl'))

    # JupyterLite

    def run_pages(self) -> None:
        lite = self.work / 'lite'
        self.pyodide(lite / 'static' / 'pyodide')
        settings = {'@jupyterlite/pyodide-kernel-extension:kernel': {'disablePyPIFallback': True}}
        (lite / 'jupyter-lite.json').write_text(json.dumps({'jupyter-lite-schema-version': 0, 'jupyter-config-data': {
            'appName': 'micrograd', 'litePluginSettings': settings,
            # All cells of a lesson are in the page, so that they can be searched and printed.
            'settingsOverrides': {'@jupyterlab/notebook-extension:tracker': {'windowingMode': 'none'}}}}))
        contents = self.work / 'contents'
        contents.mkdir()
        for path in notebooks.NOTEBOOKS:
            notebooks.write(notebooks.reader_copy(notebooks.read(path), path.stem), contents / path.name)
        run(sys.executable, '-m', 'jupyter', 'lite', 'build', '--lite-dir', lite, '--output-dir', self.out / 'run',
            '--contents', contents, '--apps', 'lab', '--apps', 'notebooks', '--no-sourcemaps', cwd=self.work)

    def pyodide(self, folder: Path) -> None:
        """Pyodide, and a lock file with the kernel's packages and this one, and others only from the address."""
        folder.mkdir(parents=True)
        for name in RUNTIME:
            shutil.copy(self.modules['pyodide'] / name, folder)
        shutil.copy(self.modules['@viz-js/viz'] / 'dist' / 'viz.js', folder)
        lock = json.loads((self.modules['pyodide'] / 'pyodide-lock.json').read_text())
        theirs, wanted = lock['packages'], list(KERNEL)
        for name in wanted:
            named = [other.lower().replace('_', '-') for other in theirs[name]['depends']]
            wanted += [other for other in named if other not in wanted]
        wheels = {name: (self.from_pypi(f'{name}=={theirs[name]["version"]}', folder), theirs[name]) for name in wanted}
        for name, imports in MORE.items():
            wheels[name] = self.from_pypi(name, folder), {'name': name, 'imports': imports, 'depends': []}
        wheels['micrograd'] = Path(shutil.copy(self.wheel, folder)), {
            'name': 'micrograd', 'imports': ['micrograd'], 'depends': ['graphviz']}
        run('node', HERE / 'compile.mjs', self.modules['pyodide'], folder)
        packages = {name: entry(wheel, package) for name, (wheel, package) in wheels.items()}
        if self.address:
            packages = with_distribution(packages, theirs, self.address)
        (folder / 'pyodide-lock.json').write_text(json.dumps(lock | {'packages': packages}))

    def from_pypi(self, requirement: str, folder: Path) -> Path:
        """A pure wheel, put into the folder."""
        with TemporaryDirectory(dir=self.work) as download:
            run(sys.executable, '-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', *PURE,
                '-d', download, requirement)
            return Path(shutil.move(next(Path(download).glob('*.whl')), folder))

    # Sphinx

    def lesson_pages(self) -> None:
        source = self.work / 'sphinx'
        shutil.copytree(HERE / 'sphinx', source)
        shutil.copytree(HERE.parent / 'pictures', source / 'pictures')
        mathjax = self.modules['mathjax'] / 'es5'
        static = source / '_static' / 'mathjax'
        fonts = Path('output', 'chtml', 'fonts', 'woff-v2')
        shutil.copytree(mathjax / fonts, static / fonts)
        shutil.copy(mathjax / 'tex-mml-chtml.js', static)
        for path in notebooks.NOTEBOOKS:
            notebooks.write(page(notebooks.read(path), path.name), source / path.name)
        listed = '\n'.join(path.stem for path in notebooks.NOTEBOOKS)
        index = (source / 'index.md').read_text().replace('LESSONS', listed)
        (source / 'index.md').write_text(index)
        run(sys.executable, '-m', 'sphinx', '-q', '-j', 'auto', '-b', 'html', source, self.out / 'lessons')
        for left in ('lessons/.doctrees', 'lessons/_sources', 'jupyter_execute'):
            shutil.rmtree(self.out / left, ignore_errors=True)

    def licences(self) -> None:
        folder = self.out / 'licences'
        folder.mkdir()
        shutil.copy(TOP / 'LICENSE', folder / 'micrograd.txt')
        shutil.copy(HERE / 'licences.md', folder / 'README.md')
        for name, package in self.modules.items():
            for found in package.glob('LICENSE*'):
                shutil.copy(found, folder / f'{name.replace("/", "_")}.txt')
        banner = (self.modules['@viz-js/viz'] / 'dist' / 'viz.js').read_text().split('*/')[0].removeprefix('/*!')
        mit = (TOP / 'LICENSE').read_text().split('\n\n', 2)[2]  # which viz.js only names
        (folder / 'viz.js.txt').write_text(f'{banner}\nMIT License\n\n{mit}')
        for wheel in (self.out / 'run' / 'static' / 'pyodide').glob('*.whl'):
            with zipfile.ZipFile(wheel) as archive:
                texts = [archive.read(member).decode() for member in archive.namelist()
                         if '.dist-info/' in member and is_licence(Path(member))]
            (folder / f'{wheel.name.split("-")[0]}.txt').write_text('\n\n'.join(texts))
        shutil.copy(folder / 'micropip.txt', folder / 'pyodide.txt')  # the same; npm's package has only its name
        for name, what in INSTALLED.items():
            files = distribution(name).files or []
            texts = [file.read_text() for file in files if '.dist-info' in str(file) and is_licence(Path(file))]
            (folder / f'{what}.txt').write_text('\n\n'.join(texts))


def is_licence(path: Path) -> bool:
    return path.name.upper().startswith(('LICEN', 'COPYING', 'NOTICE', 'MIT-EXPAT'))


def page(notebook: notebooks.Notebook, name: str) -> notebooks.Notebook:
    """A notebook as a page to read: no guards, answers folded away, and a way to where it runs."""
    cells = [cell for cell in notebook['cells'] if 'guard' not in notebooks.tags(cell)]
    for cell in cells:
        if 'answer' in notebooks.tags(cell):
            cell['metadata']['tags'] = [*notebooks.tags(cell), 'hide-input']
    way = f'<a href="../run/lab/index.html?path={name}">Run this lesson in the browser</a>\n'
    cells.insert(1, {'cell_type': 'markdown', 'id': 'way', 'metadata': {}, 'source': way})
    return notebook | {'cells': cells}


def run(*command: object, cwd: Path | None = None) -> None:
    """Run a command; what it printed is shown where it fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f'{" ".join(map(str, command))}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}')


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) / 1e6


if __name__ == '__main__':
    main()
