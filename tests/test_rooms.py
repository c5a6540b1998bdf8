"""The rooms of the package, and which of them may look into which: read off the import statements."""

import ast
from pathlib import Path

import pytest

import micrograd

PACKAGE = Path(micrograd.__file__).parent
CORE = {'engine', 'nn', 'losses', 'optim', 'plumbing'}
MAY_USE = {  # besides the core and the room itself
    'graph': set(),
    'show': {'graph'},
    'compiler': {'graph'},
    'bridge': {'graph'},
    'exercises': {'graph', 'show'},
    'command': {'graph', 'show', 'compiler', 'bridge', 'exercises'},
}
ALSO = {'show/gradcheck.py': {'bridge'}, 'show/playground': {'compiler'}}  # its PyTorch column; its code
FACE = {'__init__', '__main__'}  # which hand on what the rooms have


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix('.py')


def imported(path: Path) -> set[str]:
    """The rooms and core modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f'{path} imports relatively: say from where'
            names = [node.module] if node.module != 'micrograd' else [
                f'micrograd.{alias.name}' for alias in node.names if (PACKAGE / alias.name).exists()
                or (PACKAGE / f'{alias.name}.py').exists()]
        found |= {name.split('.')[1] for name in names if name.startswith('micrograd.')}
    return found


FILES = [path for path in sorted(PACKAGE.rglob('*.py')) if room_of(path) not in FACE]


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_file_looks_only_where_its_room_may(path: Path) -> None:
    room, place = room_of(path), path.relative_to(PACKAGE).as_posix()
    allowed = CORE if room in CORE else CORE | {room} | MAY_USE[room]
    for where, more in ALSO.items():
        if place.startswith(where):
            allowed = allowed | more
    assert imported(path) <= allowed


def test_the_engine_needs_the_standard_library_alone() -> None:
    assert imported(PACKAGE / 'engine.py') == set()


def test_every_room_of_the_list_is_there_and_no_other() -> None:
    rooms = {room_of(path) for path in FILES} - CORE
    assert rooms <= set(MAY_USE)
    assert rooms >= {'graph', 'show', 'compiler', 'bridge', 'exercises', 'command'}


@pytest.mark.parametrize('room', ['graph', 'show'])
def test_a_room_of_tellings_hands_nothing_on(room: str) -> None:
    """A name handed on here would turn micrograd.show.explain into the function."""
    assert (PACKAGE / room / '__init__.py').read_text(encoding='utf-8') == ''


def test_no_function_of_the_face_has_the_name_of_a_module_beside_it() -> None:
    modules = {path.stem for path in PACKAGE.iterdir() if path.suffix == '.py' or path.is_dir()}
    assert not modules & set(micrograd.__all__)
