"""`span.cu` as machine code, made on a machine without a GPU and used on one that has one.

NVRTC is called through CuPy's bindings, which need no driver; CuPy's own `RawModule` does.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cases import NEGATIVE, WINDOW, Case

from w2v.errors import GPUError
from w2v.kernels.cuda.layout import (
    SOURCE,
    Constants,
    compiler_options,
    fit_constants,
    span_constants,
)

SHARED_MEMORY = {70: 96, 75: 64, 80: 163, 86: 99, 87: 163, 89: 99, 90: 227, 100: 227, 120: 99}
"""Kilobytes that a block may have, by compute capability (CUDA programming guide, compute
capabilities). It decides how many centre words a span has.
"""

CUPYS_OPTIONS = ("-ftz=true", "--device-as-default-execution-space")
"""What CuPy 14 adds where it compiles a RawModule itself."""


class Cubins:
    """A folder of machine code. `compiled` names what was not in it, and was compiled here."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.loaded = 0
        self.compiled: list[str] = []
        if not folder.is_dir():
            raise GPUError(f"{folder} is not a folder: make it with --compile-only {folder}")

    def load(self, constants: Constants) -> Any:
        """The kernel for the current device, in the place of `compile_kernel`, which may help."""
        import cupy

        from w2v.kernels.cuda.kernel import compile_kernel, train_function

        path = self.folder / cubin_name(constants, int(cupy.cuda.Device().compute_capability))
        if path.exists():
            self.loaded += 1
            return train_function(cupy.RawModule(path=str(path)), constants)
        print(f"{path} is not there: compiling it here: {constants}", flush=True)
        self.compiled.append(path.name)
        return compile_kernel(constants)

    def report(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "loaded": self.loaded, "compiled_here": self.compiled}


def compile_all(cases: Iterable[Case], folder: Path, arch: int) -> int:
    """Compile each case for a compute capability, 90 for 9.0. Returns how many there are.

    Raises GPUError where CuPy or NVRTC is missing, or the compiler refuses.
    """
    if arch not in SHARED_MEMORY:
        known = ", ".join(map(str, SHARED_MEMORY))
        raise GPUError(f"the shared memory of sm_{arch} is not known here: take one of {known}")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = dict.fromkeys(constants for case in cases if (constants := of_case(case, arch)))
    for constants in wanted:
        path = folder / cubin_name(constants, arch)
        if not path.exists():
            path.write_bytes(compile_cubin(constants, arch))
    return len(wanted)


def of_case(case: Case, arch: int) -> Constants | None:
    """What the kernel takes for a case on a card of that capability; None if it cannot."""
    limit = SHARED_MEMORY[arch] * 1024
    if case.shape is None:
        return fit_constants(case.model, case.dim, WINDOW, NEGATIVE, limit)
    constants = span_constants(
        case.model, case.dim, WINDOW, case.shape, limit, case.tensor, case.bulk
    )
    oldest = 90 if case.bulk else 80 if case.tensor else 70
    return constants if constants.shared_bytes() <= limit and arch >= oldest else None


def cubin_name(constants: Constants, arch: int) -> str:
    """A file name that changes with the source and with all that it is compiled with."""
    content = SOURCE.read_text() + " ".join(compiler_options(constants))
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return f"span-sm_{arch}-{digest}.cubin"


def compile_cubin(constants: Constants, arch: int) -> bytes:
    """The machine code. Raises GPUError where CuPy or NVRTC is missing, or the compiler refuses."""
    try:
        import cupy

        nvrtc = cupy.cuda.nvrtc
        program = nvrtc.createProgram(SOURCE.read_text(), SOURCE.name, (), ())
    except (ImportError, RuntimeError) as error:
        first_line = str(error).partition("\n")[0]
        raise GPUError(
            f"CuPy with NVRTC is needed to compile ({first_line}); install them with: "
            "pip install 'cupy-cuda12x[ctk]'"
        ) from error
    try:
        options = (*compiler_options(constants), *CUPYS_OPTIONS, f"-arch=sm_{arch}")
        nvrtc.compileProgram(program, options)
        return nvrtc.getCUBIN(program)
    except nvrtc.NVRTCError as error:
        log = nvrtc.getProgramLog(program)
        raise GPUError(f"NVRTC refuses {constants} for sm_{arch} ({error}): {log}") from error
    finally:
        nvrtc.destroyProgram(program)
