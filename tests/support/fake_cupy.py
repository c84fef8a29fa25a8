"""A stand-in for CuPy on a machine without a GPU: NumPy behind a type that refuses to mix.

Like CuPy's, its arrays raise TypeError when they meet a NumPy array or are turned into one
without `asnumpy`. It is as strict as CuPy or stricter, so code that passes here keeps its arrays
on one side. It cannot show that a kernel is fast, or that CuPy has a function.
"""

import functools
import types
import typing

import emulated
import emulated_step
import numpy

work = {"launches": 0, "waits": 0}
"""Operations on the device so far, about, and how often the host had to wait for a result."""


class ndarray(numpy.lib.mixins.NDArrayOperatorsMixin):
    def __init__(self, values):
        self.values = values

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        work["launches"] += 1
        if out is not None:
            options["out"] = tuple(unwrap(array) for array in out)
        result = getattr(ufunc, method)(*[unwrap(value) for value in inputs], **options)
        return out[0] if out is not None else wrap(result)

    def __getitem__(self, key):
        work["launches"] += isinstance(key, ndarray)
        return wrap(self.values[unwrap(key)])

    def __setitem__(self, key, value):
        work["launches"] += 1
        self.values[unwrap(key)] = unwrap(value)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.values, name)
        return calling(found) if callable(found) else wrap(found)

    def get(self):
        work["waits"] += 1
        return self.values.copy()

    def set(self, values, stream=None):
        assert isinstance(values, numpy.ndarray)
        if not (self.values.flags.c_contiguous or self.values.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        assert values.shape == self.values.shape and values.dtype == self.values.dtype
        if stream is None:
            self.values[...] = values
        else:  # the memory is read when the copy is done, not now
            stream.add(lambda: self.values.__setitem__(Ellipsis, values))

    def __len__(self):
        return len(self.values)

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
"""Bytes of pinned memory that uploads by `asarray` have staged and CuPy's pool keeps."""


def asarray(values, *arguments, **options):
    if isinstance(values, ndarray):
        return ndarray(numpy.asarray(values.values, *arguments, **options))
    found = numpy.array(values, *arguments, **options)
    PINNED.append(1 << max(0, found.nbytes - 1).bit_length())  # rounded up to a power of two
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


class ElementwiseKernel:
    """Runs the code as Python, on whole arrays: it has to be written so that it is both."""

    def __init__(self, inputs, outputs, code, name):
        self.names = [part.split()[-1] for part in f"{inputs}, {outputs}".split(",")]
        self.outputs = [part.split()[-1] for part in outputs.split(",")]
        self.code = "\n".join(line.strip() for line in code.split(";"))

    def __call__(self, *arguments):
        work["launches"] += 1
        values = dict(zip(self.names, map(unwrap, arguments), strict=False))
        given = dict(values)
        exec(self.code, {**FUNCTIONS, "T": float}, values)
        for name in set(self.outputs) & set(given):
            given[name][...] = values[name]
        made = [name for name in self.outputs if name not in given]
        return tuple(wrap(numpy.asarray(values[name], given[self.names[0]].dtype)) for name in made)


class CompileException(Exception):
    pass


class CUDADriverError(Exception):
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
    """Work in order: copies wait until an event after them is waited for, as on a device."""

    def __init__(self, non_blocking=False):
        self.work = []

    def add(self, task):
        self.work.append(task)

    def run(self, count):
        """Do the first `count` pieces of work that are not done yet."""
        for place, task in enumerate(self.work[:count]):
            if task is not None:
                self.work[place] = None
                task()

    def record(self):
        return Event(self)

    def wait_event(self, event):
        event.synchronize()


_CURRENT = Stream()


class RawModule:
    """Compiles kernels for the CPU: see `emulated`, or without options `emulated_step`."""

    def __init__(self, *, code, options=()):
        assert options == () or code == emulated.SOURCE.read_text()
        self.code = code
        self.defines = tuple(option for option in options if option.startswith("-D"))

    def get_function(self, name):
        if not self.defines:
            return functools.partial(_run_step, self.code, name)
        assert name == "train"
        return _RawKernel(self.defines)


def _run_step(code, name, grid, block, arguments):
    work["launches"] += 1
    emulated_step.run(code, name, grid[0], block[0], [_host(value) for value in arguments])


class _RawKernel:
    max_dynamic_shared_size_bytes = 48 * 1024
    preferred_shared_memory_carveout = -1

    def __init__(self, defines):
        self.defines = defines
        self.kernel = types.SimpleNamespace(ptr=self)

    def __call__(self, grid, block, arguments, shared_mem):
        assert f"-DTHREADS={block[0]}" in self.defines
        assert shared_mem <= self.max_dynamic_shared_size_bytes
        emulated.run(self.defines, grid[0], [_host(value) for value in arguments])


def _host(value):
    """What a kernel's argument is on the host: memory for an array, a scalar of NumPy as it is."""
    assert isinstance(value, ndarray | numpy.generic), f"{value!r} is not an argument for a kernel"
    return value.values if isinstance(value, ndarray) else value


__version__ = "0"

FREE_BYTES = 8 << 30

random = types.SimpleNamespace(default_rng=_Generator)
runtime = types.SimpleNamespace(
    getDeviceCount=lambda: 2,
    CUDARuntimeError=CUDARuntimeError,
    is_hip=False,
    memGetInfo=lambda: (FREE_BYTES, 2 * FREE_BYTES),
    getDeviceProperties=lambda number: {"name": f"Imaginary {number}".encode()},
    driverGetVersion=lambda: 12090,
    runtimeGetVersion=lambda: 12090,
)
cuda = types.SimpleNamespace(
    nvrtc=types.SimpleNamespace(getVersion=lambda: (12, 9)),
    runtime=runtime,
    driver=types.SimpleNamespace(
        occupancyMaxActiveBlocksPerMultiprocessor=lambda kernel, threads, shared: 2,
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


cupyx = types.ModuleType("cupyx")


def _scatter_add(target, ids, rows):
    """CuPy takes ids modulo the length of target: here they have to be in it."""
    found = unwrap(ids)
    size = len(target)
    if found.size and not (-size <= found.min() and found.max() < size):
        raise IndexError(f"an id is outside the {size} rows: CuPy would wrap it")
    numpy.add.at(target.values, found, unwrap(rows))


cupyx.scatter_add = _scatter_add
cupyx.empty_pinned = numpy.empty
