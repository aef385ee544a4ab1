"""Compile `engine.cpp` for the browser: `python -m ntm.engine.build_wasm` writes `engine.wasm` beside it.

It takes Debian's packages clang-14 lld-14 wasi-libc libc++-14-dev-wasm32 libclang-rt-14-dev-wasm32. The result is
committed, so that nobody else needs them; a test compares it with what the source gives.
"""

import subprocess
import sys
from pathlib import Path

from ntm.engine.library import SOURCE

COMPILER = "clang++-14"
WASM = SOURCE.with_name("engine.wasm")
_FLAGS = (
    *("--target=wasm32-wasi", "-msimd128", "-O3", "-std=c++17", "-fno-math-errno", "-ffp-contract=fast"),
    *("-fno-exceptions", "-fno-rtti", "-fvisibility=hidden", "-mexec-model=reactor"),
    *("-Wl,--no-entry", "-Wl,--export-dynamic", "-Wl,--export=malloc", "-Wl,--export=free", "-Wl,--strip-all"),
)


def compile_to(path: Path) -> None:
    """Write the compiled engine.

    Raises:
        OSError: if there is no compiler.
        subprocess.CalledProcessError: if it failed.
    """
    # In its folder and by its name, so that no path of this machine can find its way into the result.
    subprocess.run([COMPILER, *_FLAGS, SOURCE.name, "-o", str(path.resolve())], check=True, cwd=SOURCE.parent)


if __name__ == "__main__":
    compile_to(WASM)
    print(f"wrote {WASM}, {WASM.stat().st_size:,} bytes", file=sys.stderr)
