"""A saved file is replaced as a whole or not at all, and stays the file that it was."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from micrograd.bridge import load, save
from micrograd.nn import MLP


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'model.json'


def full(*_, **__):
    raise OSError(errno.ENOSPC, 'No space left on device')


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize('function', ['replace', 'fsync'])
@pytest.mark.parametrize('fault, error', [(full, OSError), (interrupted, KeyboardInterrupt)])
def test_a_fault_leaves_the_old_file_and_no_other(path, monkeypatch, function, fault, error):
    save(MLP(1, [1]), path)
    before = path.read_bytes()
    monkeypatch.setattr(os, function, fault)
    with pytest.raises(error) as caught:
        save(MLP(1, [2, 1]), path)
    if error is OSError:
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, f'{path}')
    assert os.listdir(path.parent) == ['model.json']
    assert path.read_bytes() == before


def test_the_text_is_on_the_disk_before_it_has_the_name(path, monkeypatch):
    calls = []

    def fsync(descriptor, fsync=os.fsync):
        calls.append(('fsync', path.exists(), os.fstat(descriptor).st_size))
        fsync(descriptor)

    def replace(draft, target, replace=os.replace):
        calls.append(('replace', path.exists(), os.stat(draft).st_size))
        assert os.path.dirname(draft) == os.path.dirname(target)
        replace(draft, target)

    monkeypatch.setattr(os, 'fsync', fsync)
    monkeypatch.setattr(os, 'replace', replace)
    save(MLP(1, [1]), path)
    size = path.stat().st_size
    assert calls == [('fsync', False, size), ('replace', False, size)]


def test_the_file_may_be_read_by_whom_any_new_file_may(path):
    save(MLP(1, [1]), path)
    other = path.with_name('other')
    other.write_text('')
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_a_link_stays_a_link_and_the_longest_name_will_do(path):
    long = path.with_name('m' * 255)
    path.symlink_to(long)
    save(MLP(1, [2]), path)
    assert path.is_symlink()
    assert not long.is_symlink()
    assert len(load(long).parameters()) == 4


def test_a_device_is_written_to_and_not_replaced(path):
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    save(MLP(1, [1]), path)
    assert json.loads(os.read(reader, 10_000))['format'] == 'micrograd'
    os.close(reader)
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.skipif(not hasattr(os, 'O_TMPFILE'), reason='only Linux has files without a name')
def test_a_process_that_is_killed_leaves_the_old_file_and_no_other(path):
    save(MLP(1, [1]), path)
    before = path.read_bytes()
    code = ('import os, signal\nfrom micrograd.bridge import save\nfrom micrograd.nn import MLP\n'
            'os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n'
            f'save(MLP(2, [3]), {f"{path}"!r})')
    killed = subprocess.run([sys.executable, '-c', code], env=os.environ | {'PYTHONPATH': os.pathsep.join(sys.path)})
    assert killed.returncode == -signal.SIGKILL
    assert (os.listdir(path.parent), path.read_bytes()) == (['model.json'], before)


def test_where_every_file_has_a_name_the_draft_has_one(path, monkeypatch):
    monkeypatch.delattr(os, 'O_TMPFILE', raising=False)
    seen = []
    monkeypatch.setattr(os, 'fsync', lambda _: seen.extend(os.listdir(path.parent)))
    save(MLP(1, [1]), path)
    assert [name[:11] for name in seen] == ['.micrograd-']
    assert os.listdir(path.parent) == ['model.json']
    test_a_fault_leaves_the_old_file_and_no_other(path, monkeypatch, 'replace', full, OSError)


@pytest.mark.parametrize('mode', [0o600, 0o640, 0o755, 0o666])
def test_a_file_keeps_its_permissions_and_its_owner(path, mode):
    save(MLP(1, [1]), path)
    path.chmod(mode)
    if os.getuid() == 0:
        os.chown(path, 1234, 5678)
    before = path.stat()
    save(MLP(1, [2]), path)
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino
    assert len(load(path).parameters()) == 4


def test_a_file_with_several_names_stays_one_file(path):
    save(MLP(1, [4]), path)
    os.link(path, path.with_name('other.json'))
    path.chmod(0o640)
    save(MLP(1, [2]), path)
    assert os.path.samefile(path, path.with_name('other.json'))
    assert len(load(path.with_name('other.json')).parameters()) == 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(path.parent)) == ['model.json', 'other.json']


@pytest.mark.parametrize('refusing', ['fchown', 'open'])
def test_a_file_that_cannot_be_replaced_by_one_like_it_is_written_in_place(path, monkeypatch, refusing):
    """Since it belongs to somebody else, or lies in a folder that one may not write to."""
    save(MLP(1, [4]), path)
    before = path.stat()

    def refused(*_, **__):
        raise PermissionError(errno.EPERM, 'Operation not permitted')

    def strange(descriptor, fstat=os.fstat):
        found = fstat(descriptor)  # the draft has no name yet
        return found if found.st_nlink else os.stat_result([*found[:4], found.st_uid + 1, *found[5:]])

    monkeypatch.setattr(os, refusing, refused)
    monkeypatch.setattr(os, 'fstat', strange)
    save(MLP(1, [2]), path)
    assert path.stat().st_ino == before.st_ino
    assert len(load(path).parameters()) == 4
    assert os.listdir(path.parent) == ['model.json']


def test_a_file_that_may_only_be_read_is_not_replaced():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        path = Path(folder, 'model.json')
        save(MLP(1, [1]), path)
        path.chmod(0o444)
        before, user = path.read_bytes(), os.geteuid()
        os.seteuid(user or 65534)  # root may write to everything
        try:
            with pytest.raises(PermissionError) as caught:
                save(MLP(1, [2]), path)
        finally:
            os.seteuid(user)
        assert caught.value.filename == f'{path}'
        assert (os.listdir(folder), path.read_bytes()) == (['model.json'], before)
