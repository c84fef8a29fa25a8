"""A stand-in for CuPy on a machine without a GPU: NumPy behind a type that refuses to mix.

Like CuPy's, its arrays raise TypeError when they meet a NumPy array or are turned into one
without `asnumpy`. It is as strict as CuPy or stricter, so code that passes here keeps its arrays
on one side. What a device does in an order of its own (atomic additions, threads, copies beside the
current stream) is shuffled or as late as it may be. It cannot show that a kernel is fast, or that
CuPy has a function.
"""

import ast
import functools
import os
import types
import typing
from pathlib import Path

import emulated
import emulated_step
import numpy

work = {"launches": 0, "waits": 0}
"""Operations on the device so far, about, and how often the host had to wait for a result."""


memory = {"total": 16 << 30, "free": 8 << 30}
"""Bytes of the device. An array larger than what is free is refused."""


class OutOfMemoryError(MemoryError):
    pass


class ndarray(numpy.lib.mixins.NDArrayOperatorsMixin):
    def __init__(self, values):
        if values.nbytes > memory["free"]:
            raise OutOfMemoryError(f"Out of memory allocating {values.nbytes:,} bytes")
        self._values = values

    @property
    def values(self):
        """The numbers, after all that the current stream has still to do."""
        _CURRENT.run()
        return self._values

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        work["launches"] += 1
        if out is not None:
            options["out"] = tuple(unwrap(array) for array in out)
        result = getattr(ufunc, method)(*[unwrap(value) for value in inputs], **options)
        return out[0] if out is not None else wrap(result)

    def __getitem__(self, key):
        if not isinstance(key, ndarray):
            return wrap(self._values[unwrap(key)])  # a view, for which nothing has to be done
        work["launches"] += 1
        return wrap(self.values[unwrap(key)])

    def __setitem__(self, key, value):
        """Where an id is there twice, either of its rows may be the last."""
        work["launches"] += 1
        if isinstance(key, ndarray) and key.dtype.kind in "iu" and key.ndim == 1:
            value = numpy.broadcast_to(unwrap(value), key.shape + self.shape[1:])
            order = _order.permutation(len(key))
            self.values[key.values[order]] = value[order]
        else:
            self.values[unwrap(key)] = unwrap(value)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._values, name)
        if callable(found):
            _CURRENT.run()
            return calling(found)
        return wrap(found)

    def get(self):
        work["waits"] += 1
        return self.values.copy()

    def set(self, values, stream=None):
        assert isinstance(values, numpy.ndarray)
        there = self._values
        if not (there.flags.c_contiguous or there.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        assert values.shape == there.shape and values.dtype == there.dtype
        if stream is None:
            self.values[...] = values
        else:  # the memory is read when the copy is done, not now
            stream.add(lambda: there.__setitem__(Ellipsis, values))

    def __len__(self):
        return len(self._values)

    def __bool__(self):
        work["waits"] += 1
        return bool(self.values)

    def __float__(self):
        work["waits"] += 1
        return float(self.values)


def wrap(value):
    if isinstance(value, tuple):
        return tuple(map(wrap, value))
    return (
        ndarray(numpy.asarray(value)) if isinstance(value, numpy.ndarray | numpy.generic) else value
    )


def unwrap(value):
    if isinstance(value, tuple | list):
        return type(value)(map(unwrap, value))
    if isinstance(value, numpy.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return value.values if isinstance(value, ndarray) else value


def calling(function):
    def call(*arguments, **options):
        name = getattr(function, "__name__", "")
        work["launches"] += name not in ("reshape", "astype", "ravel", "broadcast_to")
        work["waits"] += name in ("unique", "nonzero", "flatnonzero", "item", "tolist")
        options = {name: unwrap(value) for name, value in options.items()}
        return wrap(function(*[unwrap(argument) for argument in arguments], **options))

    return call


PINNED: list[int] = []
"""Bytes of pinned memory that uploads by `asarray`, and `empty_pinned`, have had from CuPy's pool,
which keeps them.
"""


def pinned_bytes(size):
    """What the pool takes for an array: a power of two."""
    return max(512, 1 << max(0, size - 1).bit_length())


def asarray(values, *arguments, **options):
    if isinstance(values, ndarray):
        return ndarray(numpy.asarray(values.values, *arguments, **options))
    found = numpy.array(values, *arguments, **options)
    PINNED.append(pinned_bytes(found.nbytes))
    return ndarray(found)


def asnumpy(array):
    work["waits"] += 1
    return array.values.copy()


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    found = getattr(numpy, name)
    return calling(found) if callable(found) and not isinstance(found, type) else found


class _Generator:
    def __init__(self, seed):
        self.generator = numpy.random.default_rng(seed)

    def random(self, size):
        return wrap(self.generator.random(size))


class CUDARuntimeError(RuntimeError):
    pass


FUNCTIONS = {name: getattr(numpy, name) for name in ("exp", "fabs", "log1p", "sqrt")}


class _AsInC(ast.NodeTransformer):
    """A literal such as 0.5 is a double, and `a += b` computes in the wider type of both."""

    def visit_Constant(self, node):
        if not isinstance(node.value, float):
            return node
        return ast.Call(ast.Name("double", ast.Load()), [node], [])

    def visit_AugAssign(self, node):
        left = ast.Name(node.target.id, ast.Load())
        value = ast.BinOp(left, node.op, self.visit(node.value))
        return ast.Assign([node.target], value)


class ElementwiseKernel:
    """Runs the code as Python, on whole arrays: it has to be written so that it is both.

    All of its parameters are T, the type of the arrays, and so is all that it computes: CuPy takes
    no arrays of two types, and a double in a kernel of float32 costs 32 to 64 times as much.
    """

    def __init__(self, in_params, out_params, operation, name="kernel"):
        self.names, self.outputs = self._parameters(in_params), self._parameters(out_params)
        self.inputs = len(self.names)
        self.names += self.outputs
        lines = [line.strip() for line in operation.split(";") if line.strip()]
        self.statements = [self._compiled(line, name) for line in lines]

    @staticmethod
    def _parameters(text):
        pairs = [part.split() for part in text.split(",")]
        assert all(kind == "T" for kind, _ in pairs), text
        return [name for _, name in pairs]

    @staticmethod
    def _compiled(line, name):
        return compile(ast.fix_missing_locations(_AsInC().visit(ast.parse(line))), name, "exec")

    def __call__(self, *arguments):
        work["launches"] += 1
        if len(arguments) not in (self.inputs, len(self.names)):
            raise TypeError(f"Wrong number of arguments for {self.names}")
        kinds = {argument.dtype for argument in arguments if isinstance(argument, ndarray)}
        if len(kinds) != 1:
            raise TypeError(f"Type is mismatched. T {kinds}")
        (kind,) = kinds
        given = {
            name: unwrap(value) if isinstance(value, ndarray) else kind.type(value)
            for name, value in zip(self.names, arguments, strict=False)
        }
        values = self._run(given, kind)
        for name in set(self.outputs) & set(given):
            given[name][...] = values[name]
        results = tuple(wrap(given.get(name, values[name])) for name in self.outputs)
        return results[0] if len(results) == 1 else results

    def _run(self, given, kind):
        values = dict(given)
        for statement in self.statements:
            exec(statement, {**FUNCTIONS, "T": kind.type, "double": numpy.float64}, values)
            wrong = {name: value.dtype for name, value in values.items() if value.dtype != kind}
            if wrong:
                raise TypeError(f"a kernel of {kind} computes {wrong}")
        return values


class CompileException(Exception):
    pass


class CUDADriverError(RuntimeError):
    pass


class Device:
    """The current device, or the one with a number; `used` notes which were made current."""

    used: typing.ClassVar[list[int]] = []
    current: typing.ClassVar[list[int]] = [0]
    compute_capability = "90"
    attributes: typing.ClassVar[dict[str, int]] = {
        "MultiProcessorCount": 2,
        "MaxSharedMemoryPerBlockOptin": 227 * 1024,
        "MaxSharedMemoryPerMultiprocessor": 228 * 1024,
    }

    def __init__(self, number=None):
        self.id = self.current[-1] if number is None else number

    def synchronize(self):
        _CURRENT.run()

    def __enter__(self):
        self.used.append(self.id)
        self.current.append(self.id)
        return self

    def __exit__(self, *_):
        self.current.pop()


class Event:
    """A place in a stream's order. `synchronize` has the host wait until all before it is done."""

    def __init__(self, stream):
        self.stream, self.number = stream, len(stream.work)

    def synchronize(self):
        self.stream.run(self.number)


class Stream:
    """Work in order. It is done as late as it may be: when an event after it is waited for.

    eager: copies, in streams beside the current one, are done as early as they may be: at once,
    with what they wait for. Both are orders that a device may choose.
    """

    eager = False

    def __init__(self, non_blocking=False):
        self.work = []
        self._is_running = False

    def add(self, task):
        self.work.append(task)
        if self.eager and self is not _CURRENT:
            self.run()

    def run(self, count=None):
        """Do the first `count` pieces of work, or all, that are not done yet."""
        if self._is_running:  # one of them has asked for what is before it
            return
        self._is_running = True
        try:
            for place, task in enumerate(self.work[:count]):
                if task is not None:
                    self.work[place] = None
                    task()
        finally:
            self._is_running = False

    def record(self):
        return Event(self)

    def wait_event(self, event):
        self.add(event.synchronize)


_CURRENT = Stream()


class RawModule:
    """Compiles kernels for the CPU: see `emulated`, and for all but `span.cu` `emulated_step`.

    path: of what `nvrtc` has "compiled".
    """

    def __init__(self, code=None, *, path=None, options=()):
        if path is not None:
            code, options = emulated.SOURCE.read_text(), Path(path).read_text().split("\n")
        self.code = code
        self.defines = tuple(option for option in options if option.startswith("-D"))

    def get_function(self, name):
        if self.code == emulated.SOURCE.read_text():
            assert name == "train"
            return _RawKernel(self.defines)
        return functools.partial(_run_step, self.code, name)


def _run_step(code, name, grid, block, arguments):
    work["launches"] += 1
    emulated_step.run(code, name, grid[0], block[0], [_host(value) for value in arguments])


class NVRTCError(RuntimeError):
    pass


class _Nvrtc(types.SimpleNamespace):
    """Its machine code is what the compiler was told."""

    NVRTCError = NVRTCError

    @staticmethod
    def getVersion():
        return 12, 9

    @staticmethod
    def getSupportedArchs():
        return 50, 70, 80, 90, 120

    @staticmethod
    def createProgram(source, name, headers, include_names):
        assert source == emulated.SOURCE.read_text()
        return []

    @staticmethod
    def compileProgram(program, options):
        program.extend(options)

    @staticmethod
    def getCUBIN(program):
        return "\n".join(program).encode()

    @staticmethod
    def destroyProgram(program):
        program.clear()


class _RawKernel:
    """A launch only adds to the current stream, and its threads come to run in any order."""

    max_dynamic_shared_size_bytes = 48 * 1024
    preferred_shared_memory_carveout = -1
    num_regs = 128

    def __init__(self, defines):
        self.defines = defines
        self.kernel = types.SimpleNamespace(ptr=self)

    def __call__(self, grid, block, args, *, shared_mem=0):
        assert f"-DTHREADS={block[0]}" in self.defines
        assert shared_mem <= self.max_dynamic_shared_size_bytes
        given = [_host(value) for value in args]
        order = os.environ.get("EMULATOR_ORDER") or str(_order.integers(1, 1 << 30))
        _CURRENT.add(lambda: emulated.run(self.defines, grid[0], given, order))


def _host(value):
    """What a kernel's argument is on the host: memory for an array, a scalar of NumPy as it is."""
    assert isinstance(value, ndarray | numpy.generic), f"{value!r} is not an argument for a kernel"
    return value._values if isinstance(value, ndarray) else value


def _occupancy(kernel, threads, shared_bytes):
    """Blocks of a kernel on a multiprocessor, by registers, shared memory and threads (Hopper).

    Without a preference, CUDA may leave most of the shared memory to the first-level cache.
    """
    (blocks,) = (int(text[9:]) for text in kernel.defines if text.startswith("-DBLOCKS="))
    most_registers = (1 << 16) // (blocks * threads) // 8 * 8  # __launch_bounds__
    registers = min(kernel.num_regs, most_registers, 255)
    room = Device.attributes["MaxSharedMemoryPerMultiprocessor"]
    if kernel.preferred_shared_memory_carveout != 100:
        room = 100 * 1024
    if shared_bytes > kernel.max_dynamic_shared_size_bytes:
        return 0
    return min(
        (1 << 16) // (registers * threads), room // (shared_bytes + 1024), 2048 // threads, 32
    )


__version__ = "0"

random = types.SimpleNamespace(default_rng=_Generator)
runtime = types.SimpleNamespace(
    getDeviceCount=lambda: 2,
    CUDARuntimeError=CUDARuntimeError,
    is_hip=False,
    memGetInfo=lambda: (memory["free"], memory["total"]),
    getDeviceProperties=lambda number: {"name": f"Imaginary {number}".encode()},
    driverGetVersion=lambda: 12090,
    runtimeGetVersion=lambda: 12090,
)
cuda = types.SimpleNamespace(
    nvrtc=_Nvrtc(),
    memory=types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
    runtime=runtime,
    driver=types.SimpleNamespace(
        occupancyMaxActiveBlocksPerMultiprocessor=_occupancy,
        CUDADriverError=CUDADriverError,
    ),
    compiler=types.SimpleNamespace(CompileException=CompileException),
    Device=Device,
    Stream=Stream,
    get_current_stream=lambda: _CURRENT,
    Event=Event,
)


def get_default_memory_pool():
    return types.SimpleNamespace(free_bytes=lambda: 0)


_order = numpy.random.default_rng(0)


def restart():
    """Forget what was counted, and begin the orders that a device chooses anew."""
    global _order
    _order = numpy.random.default_rng(0)
    _CURRENT.work.clear()
    PINNED.clear()
    work.update(launches=0, waits=0)


cupyx = types.ModuleType("cupyx")

ATOMIC = ("int32", "uint32", "uint64", "float16", "float32", "float64")
"""What `scatter_add` can add: int64 is not among it."""


def _scatter_add(target, ids, rows):
    """Adds in an order of its own, and only what atomicAdd adds.

    CuPy takes ids modulo the length of target: here they have to be in it.
    """
    work["launches"] += 1
    if target.dtype.name not in ATOMIC:
        raise TypeError(f"cupyx.scatter_add only supports {', '.join(ATOMIC)} as data type")
    found, size = unwrap(ids), len(target)
    if found.size and not (-size <= found.min() and found.max() < size):
        raise IndexError(f"an id is outside the {size} rows: CuPy would wrap it")
    row_shape = target.shape[1:]
    added = numpy.broadcast_to(unwrap(rows), found.shape + row_shape).reshape(-1, *row_shape)
    order = _order.permutation(found.size)
    numpy.add.at(target.values, found.reshape(-1)[order], added[order].astype(target.dtype))


def _empty_pinned(shape, dtype=float):
    made = numpy.empty(shape, dtype)
    PINNED.append(pinned_bytes(made.nbytes))
    return made


cupyx.scatter_add = _scatter_add
cupyx.empty_pinned = _empty_pinned
