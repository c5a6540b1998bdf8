"""Writing a file as a whole: whoever reads it, also after a crash, finds the old text or the new one, never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path


def write_whole(path: str | os.PathLike[str], raw: bytes) -> None:
    """Write these bytes into a file, which keeps its permissions, its owner, and the links to it.

    They are written beside it, without a name where the system can do so (Linux), so that a process that is killed
    leaves nothing behind; then they take the file's place in one step. A file that cannot be replaced so, since it has
    several names (hard links), belongs to somebody else or lies in a folder that may not be written to, is written in
    place: there, and only there, a crash in the midst may leave a part. So is what is no file, such as a pipe.

    OSError, about the path that was asked for, where the file may not be written; it is then as it was.
    """
    target = Path(os.path.realpath(os.fsdecode(path)))  # through a link, so that the file is replaced and not the link
    try:
        if target.exists() and not target.is_file():  # a device, or a folder, which says so itself
            target.write_bytes(raw)
        elif not target.exists():
            _replace(target, raw)
        elif not _is_replaced(target, raw):
            with open(target, 'r+b') as file:
                file.write(raw)
                file.truncate()
    except OSError as error:
        error.filename, error.filename2 = os.fsdecode(path), None
        raise


def _is_replaced(target: Path, raw: bytes) -> bool:
    """Replace a file that is there by one that differs in nothing but its text; False where that cannot be done."""
    with open(target, 'r+b') as file:  # PermissionError for one that may only be read, which could yet be replaced
        old = os.fstat(file.fileno())
    if old.st_nlink > 1:
        return False
    try:
        _replace(target, raw, old)
    except PermissionError:
        return False
    return True


def _replace(target: Path, raw: bytes, old: os.stat_result | None = None) -> None:
    """Write the bytes beside the target, with all that the old one has, and put them in its place."""
    draft = target.with_name(f'.micrograd-{secrets.token_hex(8)}.part')
    named, descriptor = _opened(draft)
    try:
        with open(descriptor, 'wb') as file:
            if old:
                _copy_rights(target, old, descriptor)
            file.write(raw)
            file.flush()
            os.fsync(descriptor)
            if not named:
                _give_name(descriptor, draft)
        os.replace(draft, target)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def _opened(draft: Path) -> tuple[bool, int]:
    """Whether the file has its name from the start, and its descriptor."""
    with contextlib.suppress(AttributeError, OSError):  # other systems, and some file systems, have no such files
        return False, os.open(draft.parent, os.O_TMPFILE | os.O_WRONLY, 0o666)
    return True, os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, 'O_BINARY', 0), 0o666)


def _give_name(descriptor: int, draft: Path) -> None:
    folder = os.open(draft.parent, os.O_RDONLY)
    try:  # with a dst_dir_fd Python follows the link in /proc to the file
        os.link(f'/proc/self/fd/{descriptor}', draft.name, dst_dir_fd=folder)
    finally:
        os.close(folder)


def _copy_rights(target: Path, old: os.stat_result, descriptor: int) -> None:
    """Permissions, owner and, on Linux, access lists. PermissionError where the owner cannot be the same."""
    new = os.fstat(descriptor)
    if hasattr(os, 'fchown') and (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    if hasattr(os, 'listxattr'):
        for name in os.listxattr(target):
            os.setxattr(descriptor, name, os.getxattr(target, name))
    if hasattr(os, 'fchmod'):
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
