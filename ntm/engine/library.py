"""`engine.cpp`, compiled for this processor and loaded: compiled once, kept in a folder of the user's cache."""

import ctypes
import hashlib
import os
import platform
import subprocess
import tempfile
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("engine.cpp")
# Not -ffast-math: the engine says itself what may be rounded otherwise, and the library must not change how the whole
# process treats denormal numbers.
FLAGS = ("-O3", "-std=c++17", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fno-exceptions")
_SHARED = ("-shared", "-fPIC", "-fvisibility=hidden")
_NATIVE = "-march=native"
# With AVX-512, with AVX2 and without, and how many floats a vector of theirs holds.
_X86 = {"x86-64-v4": 16, "x86-64-v3": 8, "x86-64": 4}


class EngineUnavailableError(RuntimeError):
    """There is no compiler here, or it failed. The message is one line."""


@cache
def load(target: str = "native") -> ctypes.CDLL:
    """The engine, compiled for a kind of processor, or found compiled.

    Args:
        target: what `-march` takes, such as "x86-64-v3"; "native" for the processor at hand.

    Raises:
        EngineUnavailableError: if there is no compiler or it failed.
    """
    reason, library = _find_or_compile(os.environ.get("CXX", "c++"), target)
    if library is None:
        raise EngineUnavailableError(f"the engine cannot be compiled: {reason}")
    library.ntm_tape_size.restype = ctypes.c_int64
    return library


@cache
def available() -> bool:
    """Whether there is an engine for this processor. Where there is none, one warning says why."""
    try:
        load()
    except EngineUnavailableError as error:
        warnings.warn(f"running step by step, which is slower: {error}", stacklevel=2)
        return False
    return True


def older() -> tuple[str, ...]:
    """The kinds of processor with narrower vectors whose engines this one runs as well, the newest first.

    Raises:
        EngineUnavailableError: if there is no compiler or it failed.
    """
    lanes = load().ntm_lanes()
    return tuple(target for target, its_lanes in _kinds().items() if its_lanes < lanes)


def kind() -> str:
    """The kind of processor that the engine here is compiled for.

    Raises:
        EngineUnavailableError: if there is no compiler or it failed.
    """
    lanes = load().ntm_lanes()
    return next((target for target, its_lanes in _kinds().items() if its_lanes == lanes), platform.machine())


def _kinds() -> dict[str, int]:
    return _X86 if platform.machine() in ("x86_64", "AMD64") else {}


def cache_folder() -> Path:
    """Where compiled engines are, and what was measured of them."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ntm"


@cache
def _find_or_compile(compiler: str, target: str) -> tuple[str, ctypes.CDLL | None]:
    """The library, or why there is none. Cached, so that a failing compiler is asked once."""
    command = [compiler, *FLAGS, *_SHARED, f"-march={target}", str(SOURCE)]
    try:
        version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
        parts = (SOURCE.read_text(), version, *command[1:-1], platform.machine(), processor())
        key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        return "", _find(key) or _compile(command, key)
    except (OSError, subprocess.SubprocessError) as error:
        return (str(error).strip() or type(error).__name__).splitlines()[0], None


def _find(key: str) -> ctypes.CDLL | None:
    """The library that was kept under this key. One that is not whole is none."""
    for path in cache_folder().glob(f"engine-{key}-*.so"):
        with suppress(OSError):
            if path.name == _name(key, path.read_bytes()):
                return ctypes.CDLL(str(path))
            path.unlink()
    return None


def _name(key: str, content: bytes) -> str:
    """A file's name tells its content, for a library that is cut short would end the process that loads it."""
    return f"engine-{key}-{hashlib.sha256(content).hexdigest()[:16]}.so"


def _compile(command: list[str], key: str) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory(prefix="ntm-engine-") as fresh:
        compiled = Path(fresh) / "engine.so"
        # Apple's compiler long knew no "native"; what all of its processors have is enough for the engine.
        asked, known = tuple(command[1:]), tuple(flag for flag in command[1:] if flag != _NATIVE)
        for flags in dict.fromkeys((asked, known)):
            finished = subprocess.run([command[0], *flags, "-o", str(compiled)], capture_output=True, text=True)
            if not finished.returncode:
                break
        else:
            raise OSError(finished.stderr.strip() or f"{command[0]} ended with {finished.returncode}")
        with suppress(OSError):  # a folder that cannot be written costs the next process a compilation, no more
            _keep(compiled.read_bytes(), key)
        return ctypes.CDLL(str(compiled))


def _keep(content: bytes, key: str) -> None:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / _name(key, content), content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that other processes see whole or not at all."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(partial).replace(path)
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise


def processor() -> str:
    """What tells this processor from others for which -march=native means something else."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    told = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(told)}))
