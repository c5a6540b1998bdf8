"""The notebooks' one command. The notebooks themselves are the source: as they are committed, executed, with solutions.

    python notebooks/build.py execute [NAME …]        run them, each in an empty folder of its own, and keep the outputs
    python notebooks/build.py copies FOLDER [--repository ADDRESS]
    python notebooks/build.py paper FOLDER            two pages to print: the card of the gates, and a graph to fill in

`copies` writes FOLDER/reader, where answers are blank, and FOLDER/solutions, both with the cell metadata of nbgrader:
nbgrader takes the solutions as a source and the reader's copy as a release. With the address of a repository, or a path
to it, the copies begin with a cell that installs the package where it is missing, and with a badge that opens the
notebook in Colab, if the address is a GitHub one.

Tags of cells: `answer`, with a solution between `### BEGIN SOLUTION` and `### END SOLUTION`; `check`, which says
whether the answer is right; `guard`, assertions for the one who changes a lesson, which no copy has.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
NOTEBOOKS = sorted(HERE.glob('*.ipynb'))
SOLUTION = re.compile(r'^( *)### BEGIN SOLUTION\n.*?^\1### END SOLUTION\n?', re.MULTILINE | re.DOTALL)
GITHUB = re.compile(r'https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?$')
BADGE = '[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({})\n\n'
INSTALL = '''\
try:  # where the notebook is hosted, the package has to be fetched first
    import micrograd.exercises
except ImportError:
    import subprocess
    import sys

    subprocess.run([sys.executable, '-m', 'pip', 'install', '--quiet', {what!r}], check=True)
    for name in [name for name in sys.modules if name.split('.')[0] == 'micrograd']:
        del sys.modules[name]  # another package of the same name
'''
Notebook = dict[str, Any]
Cell = dict[str, Any]


def read(path: Path) -> Notebook:
    notebook: Notebook = json.loads(path.read_text(encoding='utf-8'))
    return notebook


def write(notebook: Notebook, path: Path) -> None:
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')


def tags(cell: Cell) -> list[str]:
    found: list[str] = cell['metadata'].get('tags', [])
    return found


def reader_copy(notebook: Notebook, name: str, repository: str = '') -> Notebook:
    """A notebook with blank answers, and no outputs."""
    made = _copy(notebook, name, repository)
    for cell in made['cells']:
        if 'answer' in tags(cell):
            _set_source(cell, blank(_source(cell)))
        if cell['cell_type'] == 'code':
            cell.update(outputs=[], execution_count=None)
    return made


def solutions_copy(notebook: Notebook, name: str, repository: str = '') -> Notebook:
    """A notebook with solutions, whose checks fail an autograder where an answer is wrong."""
    made = _copy(notebook, name, repository)
    for cell in made['cells']:
        if 'check' in tags(cell):
            last = _source(cell).splitlines()[-1]
            _set_source(cell, f'{_source(cell)}\n### BEGIN HIDDEN TESTS\nassert {last}\n### END HIDDEN TESTS')
        if cell['cell_type'] == 'code':
            cell.update(outputs=[], execution_count=None)
    return made


def blank(source: str) -> str:
    """An answer cell without its solution: within a function or class `...` stands in its place, elsewhere nothing."""
    return SOLUTION.sub(lambda found: f'{found[1]}...  # your code here\n' if found[1] else '', source).rstrip('\n')


def _copy(notebook: Notebook, name: str, repository: str) -> Notebook:
    """What both copies have in common: no guards, nbgrader's metadata, and how to install what is missing."""
    made = copy.deepcopy(notebook)
    made['cells'] = [cell for cell in made['cells'] if 'guard' not in tags(cell)]
    for cell in made['cells']:
        kind = next((tag for tag in ('answer', 'check') if tag in tags(cell)), '')
        if kind:
            cell['metadata']['nbgrader'] = {
                'schema_version': 3, 'grade_id': cell['id'], 'grade': kind == 'check', 'solution': kind == 'answer',
                'locked': kind == 'check', 'task': False, **({'points': 1} if kind == 'check' else {})}
    if repository:
        first = made['cells'][0]
        github = GITHUB.match(repository)
        if github:
            address = f'https://colab.research.google.com/github/{github[1]}/blob/main/notebooks/{name}'
            _set_source(first, BADGE.format(address) + _source(first))
        what = f'git+{repository}' if '://' in repository else repository
        made['cells'].insert(1, {'cell_type': 'code', 'id': 'install', 'metadata': {}, 'execution_count': None,
                                 'outputs': [], 'source': INSTALL.format(what=what).splitlines(keepends=True)})
    return made


def _source(cell: Cell) -> str:
    return ''.join(cell['source'])


def _set_source(cell: Cell, source: str) -> None:
    cell['source'] = source.splitlines(keepends=True)


def copies(folder: Path, repository: str = '') -> list[Path]:
    """Write the reader's copies and those with solutions; return their paths."""
    written = []
    for kind, make in (('reader', reader_copy), ('solutions', solutions_copy)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for path in NOTEBOOKS:
            written.append(folder / kind / path.name)
            write(make(read(path), path.name, repository), written[-1])
    return written


def execute(path: Path) -> None:
    """Run a notebook in an empty folder, as somebody who has nothing but the package, and keep what it shows."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=600, kernel_name='python3', resources={'metadata': {'path': folder}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop('execution', None)
        cell['outputs'] = _joined(cell.outputs) if cell.cell_type == 'code' else None
        if cell.cell_type != 'code':
            del cell['outputs']
    notebook.metadata.language_info = {'name': 'python'}  # not the version that ran it
    write(json.loads(nbformat.writes(notebook)), path)


def _joined(outputs: list[Any]) -> list[Any]:
    """Outputs with pieces of text that came one after the other in one."""
    joined: list[Any] = []
    for output in outputs:
        if joined and output.output_type == joined[-1].output_type == 'stream' and output.name == joined[-1].name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def paper(folder: Path) -> list[Path]:
    """Write the pages for paper, as SVG: what a gate does to a gradient, and a graph with empty boxes."""
    from micrograd import Value, draw_dot

    folder.mkdir(parents=True, exist_ok=True)
    a, b = Value(2.0, label='a'), Value(-3.0, label='b')
    p = a * b
    q = p + a
    output = q * q
    p.label, q.label, output.label = 'p', 'q', 'L'
    pages = {'gates.svg': (HERE / 'pictures' / 'gates.svg').read_text(encoding='utf-8'),
             'graph.svg': draw_dot(output, names=False, blank=True).pipe(format='svg', encoding='utf-8')}
    for name, page in pages.items():
        (folder / name).write_text(page, encoding='utf-8')
    return [folder / name for name in pages]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition('\n')[0])
    commands = parser.add_subparsers(required=True, dest='command')
    run = commands.add_parser('execute', help='run the notebooks, and keep the outputs')
    run.add_argument('names', nargs='*', help='the beginnings of their names; all without any')
    build = commands.add_parser('copies', help="write the reader's copies and those with solutions")
    build.add_argument('folder', type=Path)
    build.add_argument('--repository', default='', help='where the package can be installed from: an address or a path')
    pages = commands.add_parser('paper', help='write the two pages to print')
    pages.add_argument('folder', type=Path)
    chosen = parser.parse_args(arguments)
    if chosen.command == 'paper':
        print(*paper(chosen.folder), sep='\n')
        return
    if chosen.command == 'copies':
        print(f'{len(copies(chosen.folder, chosen.repository))} notebooks in {chosen.folder}')
        return
    for path in NOTEBOOKS:
        if not chosen.names or path.name.startswith(tuple(chosen.names)):
            print(path.name, file=sys.stderr)
            execute(path)


if __name__ == '__main__':
    main()
