"""Folders that appear whole, are replaced whole and are used by one process, whatever is killed and whenever."""

import ctypes
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_AT_CURRENT_FOLDER = -100
_RENAME_EXCHANGE = 2


class InUseError(Exception):
    """Another process is writing in a folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made where it is missing, so that no other process that asks can hold it.

    The system lets go of it when this process ends, however it ends. A folder that is empty afterwards is taken away.
    Where a system or a file system knows no locks, there is none.

    Raises:
        InUseError: if another process holds it.
    """
    if sys.platform == "win32":
        folder.mkdir(parents=True, exist_ok=True)
        yield
        return
    descriptor = _lock(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()
        os.close(descriptor)


def _lock(folder: Path) -> int:
    """The descriptor that holds a folder."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise InUseError(f"another process is writing in {folder}: wait until it ends, or end it") from None
        except OSError:
            return descriptor  # no locks here
        # Whoever held it until now may have put it away, and another may have made it anew.
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), folder.stat()):
                return descriptor
        os.close(descriptor)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A fresh hidden folder beside another, which is deleted afterwards, together with those that a kill left there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}.scratch-"
    for left in folder.parent.glob(f"{glob.escape(prefix)}*"):
        with suppress(InUseError, OSError), locked(left):
            shutil.rmtree(left, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    with locked(fresh):
        try:
            yield fresh
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A fresh folder to write into that takes the place of `folder` when all went well, and is thrown away when not.

    A kill at any moment leaves the old folder or the new one under the name, whole. Where the system cannot exchange
    two names at once, a kill between two renames can leave the old one under a hidden name; the next call puts it back.
    """
    retired = folder.with_name(f".{folder.name}.retired")
    if retired.exists() and not folder.exists():
        os.replace(retired, folder)
    with scratch(folder) as fresh:
        fresh.chmod(0o755)
        yield fresh
        if not folder.exists():
            os.replace(fresh, folder)
        elif not exchange(fresh, folder):
            shutil.rmtree(retired, ignore_errors=True)
            os.replace(folder, retired)
            os.replace(fresh, folder)
    shutil.rmtree(retired, ignore_errors=True)


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two files or folders at once; False, and nothing done, where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    names = (_AT_CURRENT_FOLDER, os.fsencode(one), _AT_CURRENT_FOLDER, os.fsencode(other))
    return bool(rename(*names, _RENAME_EXCHANGE) == 0)
