"""Counts what `span.cu` compiles to, on a machine that needs no GPU.

    python scripts/bench/gpu_counts.py [--models skipgram] [--dims 128] [--tensor] [--bulk]

For each shape: registers, spills, shared memory, blocks of a multiprocessor, bytes of code, and for
each phase of a span its instructions by kind, those of its innermost loop apart. Nothing is run: a
loop's instructions are counted once, so that the figures are of code, not of time. Needs NVRTC and
a disassembler: pip install nvidia-cuda-nvrtc-cu12 nvidia-cuda-nvdisasm (or CUDA's nvdisasm on the
PATH).
"""

import argparse
import ctypes
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from w2v.kernels.cuda.layout import (
    RESERVED,
    SOURCE,
    Constants,
    compiler_options,
    fit_constants,
    registers_left,
)

LIMIT = 227 * 1024  # bytes of shared memory that a block of sm_90 may have, of 1 KB more
THREADS = 2048  # of a multiprocessor

KINDS = {
    "FFMA": ("FFMA",),
    "FADD FMUL": ("FADD", "FMUL"),
    "double": ("DFMA", "DADD", "DMUL", "DSETP"),
    "HMMA": ("HMMA",),
    "cvt": ("F2F", "F2FP"),
    "MUFU": ("MUFU",),
    "LDS": ("LDS", "LDSM"),
    "STS": ("STS",),
    "LDGSTS": ("LDGSTS", "UBLKCP", "UBLKRED"),
    "LDG": ("LDG",),
    "RED ATOM": ("RED", "REDG", "ATOM", "ATOMG", "ATOMS"),
    "SHFL VOTE": ("SHFL", "VOTE"),
    "BAR": ("BAR", "WARPSYNC", "SYNCS"),
    "local": ("LDL", "STL"),
    "branch": ("BRA", "BSSY", "BSYNC", "CALL", "RET", "BREAK", "EXIT", "WARPSYNC"),
}
"""Kinds of instructions, by the first part of an opcode; all others are integer arithmetic."""


class Instruction(NamedTuple):
    address: int
    opcode: str  # "LDS.128"
    target: str  # the label that it jumps to, or ""
    lines: tuple[int, ...]  # of the source, the innermost call first


class Program(NamedTuple):
    instructions: list[Instruction]
    labels: dict[str, int]


def compile_cubin(constants: Constants, arch: int) -> tuple[bytes, str]:
    """The machine code and the compiler's log. Raises SystemExit with the log if it refuses."""
    nvrtc = load_nvrtc()
    options = [*compiler_options(constants), "-ftz=true"]  # as CuPy adds
    options += [f"-arch=sm_{arch}", "-Xptxas=-v", "-lineinfo"]
    program = ctypes.c_void_p()
    text = SOURCE.read_bytes()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, b"span.cu", 0, None, None)
    encoded = (ctypes.c_char_p * len(options))(*map(str.encode, options))
    code = nvrtc.nvrtcCompileProgram(program, len(options), encoded)
    log = read(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program).decode()
    if code:
        raise SystemExit(log)
    return read(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program), log


def load_nvrtc() -> ctypes.CDLL:
    found = importlib.util.find_spec("nvidia.cuda_nvrtc")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("needs NVRTC: pip install nvidia-cuda-nvrtc-cu12")
    (library,) = Path(found.submodule_search_locations[0], "lib").glob("libnvrtc.so.*")
    return ctypes.CDLL(str(library))


def read(size_of, get, program) -> bytes:
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    get(program, buffer)
    return buffer.raw


def nvdisasm() -> str:
    """Where the disassembler is: on the PATH, or in its package."""
    package = importlib.util.find_spec("nvidia")
    folders = package.submodule_search_locations if package else None
    inside = (path for folder in folders or [] for path in Path(folder).glob("*/bin/nvdisasm"))
    found = shutil.which("nvdisasm") or next(inside, None)
    if found is None:
        raise SystemExit("needs nvdisasm: pip install nvidia-cuda-nvdisasm")
    return str(found)


def disassemble(cubin: bytes) -> Program:
    """The instructions of the kernel and of the functions that it calls, in order."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [nvdisasm(), "-gi", "-c", file.name]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return parse(text)


CODE = re.compile(r"\s+/\*([0-9a-f]{4,6})\*/\s+(?:@!?U?P\w+ )?\s*([A-Z][\w.]*)(.*)")


def parse(text: str) -> Program:
    """Reads what nvdisasm prints: labels, lines of the source, instructions."""
    instructions: list[Instruction] = []
    labels: dict[str, int] = {}
    waiting: list[str] = []
    lines: list[int] = []
    is_new = True  # the next line of the source begins another chain of calls
    for row in text.splitlines():
        if noted := re.match(r'\s*//## File "[^"]*span\.cu", line (\d+)', row):
            lines = [*([] if is_new else lines), int(noted[1])]
            is_new = False
        elif label := re.match(r"(\.?[\w$.]+):$", row.strip()):
            waiting.append(label[1])
            lines = lines if label[1].startswith(".L") else []  # a function of CUDA's own
        elif code := CODE.match(row):
            address, target = int(code[1], 16), re.search(r"`\((\.L_x_\d+)\)", code[3])
            labels |= dict.fromkeys(waiting, address)
            waiting, is_new = [], True
            chain = tuple(lines)
            instructions.append(Instruction(address, code[2], target[1] if target else "", chain))
    return Program(instructions, labels)


def kind_of(opcode: str) -> str:
    head = opcode.partition(".")[0]
    return next((kind for kind, heads in KINDS.items() if head in heads), "integer")


# Phases: functions of the source that `train` and `train_span` call, and each statement of
# `train_gathered`, which calls the same functions several times.


def function_names(source: list[str]) -> list[str]:
    """The function that each line, from 1 on, is in."""
    names, name = [""], ""
    for row in source:
        if not row.startswith((" ", "#", "}", "/")) and (
            found := re.search(r"(\w+)\((?!.*;$)", row.replace("__launch_bounds__(", ""))
        ):
            name = found[1]
        if row.startswith("train("):
            name = "train"
        names.append(name)
    return names


def phase_of(lines: tuple[int, ...], source: list[str], names: list[str]) -> str:
    """Example: "combine, line 548" for an instruction of the first product in `train_gathered`."""
    outside = [line for line in reversed(lines) if names[line] not in ("train", "train_span")]
    if any(names[line] == "log_loss" for line in lines):
        return "loss"
    if not outside:
        return "train, train_span" if lines else "CUDA's functions"
    line = outside[0]
    if names[line] != "train_gathered":
        return names[line]
    while not re.match(r"    \w", source[line - 1]):
        line -= 1
    return f"{line}: {re.split(r'[<(]', source[line - 1].strip())[0]}"


def innermost_loops(program: Program) -> list[range]:
    """Places of the instructions from each target of a jump back to that jump."""
    place = {code.address: n for n, code in enumerate(program.instructions)}
    loops = []
    for n, code in enumerate(program.instructions):
        first = place.get(program.labels.get(code.target, -1), n + 1)
        if code.opcode.startswith("BRA") and first < n:
            loops.append(range(first, n + 1))
    return [loop for loop in loops if is_innermost(loop, loops)]


def is_innermost(loop: range, loops: list[range]) -> bool:
    return not any(other != loop and other[0] in loop for other in loops)


def count_phases(program: Program) -> dict[str, tuple[Counter, list[Counter]]]:
    """For each phase, its instructions by kind, and those of each innermost loop in it."""
    source = SOURCE.read_text().splitlines()
    names = function_names(source)
    phases = [phase_of(code.lines, source, names) for code in program.instructions]
    kinds = [kind_of(code.opcode) for code in program.instructions]
    counts: dict[str, tuple[Counter, list[Counter]]] = {}
    for phase, kind in zip(phases, kinds, strict=True):
        counts.setdefault(phase, (Counter(), []))[0][kind] += 1
    for loop in innermost_loops(program):
        (phase, _), *_ = Counter(phases[n] for n in loop).most_common(1)
        counts[phase][1].append(Counter(kinds[n] for n in loop))
    return counts


# Tables


def describe(counts: Counter) -> str:
    parts = [f"{counts[kind]} {kind}" for kind in [*KINDS, "integer"] if counts[kind]]
    return f"{sum(counts.values()):5}: {', '.join(parts)}"


class Size(NamedTuple):
    """What decides how many blocks a multiprocessor runs."""

    registers: int
    spilled: int  # bytes
    shared: int  # bytes
    threads: int

    @property
    def blocks(self) -> int:
        blocks = min((LIMIT + RESERVED) // (self.shared + RESERVED), THREADS // self.threads)
        while registers_left(blocks, self.threads) < self.registers:
            blocks -= 1
        return blocks


def size_of(constants: Constants, log: str) -> Size:
    registers = max(map(int, re.findall(r"Used (\d+) registers", log)))
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill", log)))
    return Size(registers, spilled, constants.shared_bytes(), constants.threads)


def report(constants: Constants, arch: int, is_short: bool) -> None:
    cubin, log = compile_cubin(constants, arch)
    program, size = disassemble(cubin), size_of(constants, log)
    print(
        f"{constants.model} dim {constants.dim}: {size.registers} registers, "
        f"{size.spilled} bytes spilled, {size.shared} bytes of shared memory, "
        f"{size.threads} threads, {size.blocks} blocks, "
        f"{16 * len(program.instructions) / 1024:.1f} KB of code"
    )
    print(f"  all {describe(Counter(kind_of(code.opcode) for code in program.instructions))}")
    if is_short:
        return
    for phase, (counts, loops) in count_phases(program).items():
        print(f"  {phase:28}{describe(counts)}")
        for loop in loops:
            print(f"  {'    a loop':28}{describe(loop)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", nargs="+", default=["skipgram", "cbow"])
    parser.add_argument("--dims", nargs="+", type=int, default=[128])
    parser.add_argument("--arch", type=int, default=90)
    parser.add_argument("--tensor", action="store_true", help="products on tensor cores")
    parser.add_argument("--bulk", action="store_true", help="rows copied by the copy engine")
    parser.add_argument("--short", action="store_true", help="no phases")
    options = parser.parse_args()
    for model in options.models:
        for dim in options.dims:
            variant = {"tensor": options.tensor, "bulk": options.bulk}
            constants = fit_constants(model, dim, 5, 5, LIMIT, **variant)
            if constants is None:
                raise SystemExit(f"rows of dim {dim} do not fit into shared memory")
            report(constants, options.arch, options.short)


if __name__ == "__main__":
    main()
