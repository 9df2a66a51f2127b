"""What happens to a store's file: another program locks it, the disk is full, bytes of it are other ones."""

import contextlib
import os
import resource
import sqlite3
import subprocess
import sys

_HOLDER = """\
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""

# Root may write to everything; without its capabilities it is like anybody else.
AS_ANYBODY = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def locked(file):
    """Another process has the database locked for writing."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "locked\n"
        yield
    finally:
        holder.communicate(timeout=20)


@contextlib.contextmanager
def no_larger_files(process, size):
    """No file of the process can grow beyond `size` bytes."""
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        if process.poll() is None:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def small_disk(folder, size):
    """A disk of `size` bytes at `folder`. Raises OSError with the reason where that is not possible."""
    folder.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True)
    if result.returncode != 0:
        raise OSError(result.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder):
    """A file takes all the space that is left."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
    try:
        yield
    finally:
        filler.unlink()


def execute(file, statement):
    """The first row that a statement brings."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        return connection.execute(statement).fetchone()


def merge_log(file):
    """Everything is in the database itself afterwards. Returns the size of its pages."""
    execute(file, "PRAGMA wal_checkpoint(TRUNCATE)")
    return execute(file, "PRAGMA page_size")[0]


def garble(file, start, count, random):
    """Other bytes at a place."""
    with open(file, "r+b") as bytes_:
        bytes_.seek(start)
        bytes_.write(random.randbytes(count))
