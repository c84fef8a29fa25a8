"""A stand-in for CuPy on a machine without a GPU: NumPy behind a type that refuses to mix.

Like CuPy's, its arrays raise TypeError when they meet a NumPy array or are turned into one
without `asnumpy`. It is as strict as CuPy or stricter, so code that passes here keeps its arrays
on one side. It cannot show that a kernel is fast, or that CuPy has a function.
"""

import types

import numpy


class ndarray(numpy.lib.mixins.NDArrayOperatorsMixin):
    def __init__(self, values):
        self.values = values

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if out is not None:
            options["out"] = tuple(unwrap(array) for array in out)
        result = getattr(ufunc, method)(*[unwrap(value) for value in inputs], **options)
        return out[0] if out is not None else wrap(result)

    def __getitem__(self, key):
        return wrap(self.values[unwrap(key)])

    def __setitem__(self, key, value):
        self.values[unwrap(key)] = unwrap(value)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.values, name)
        return calling(found) if callable(found) else wrap(found)

    def __len__(self):
        return len(self.values)

    def __float__(self):
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
        options = {name: unwrap(value) for name, value in options.items()}
        return wrap(function(*[unwrap(argument) for argument in arguments], **options))

    return call


def asarray(values, *arguments, **options):
    values = values.values if isinstance(values, ndarray) else values
    return ndarray(numpy.asarray(values, *arguments, **options))


def asnumpy(array):
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


random = types.SimpleNamespace(default_rng=_Generator)
runtime = types.SimpleNamespace(getDeviceCount=lambda: 1, CUDARuntimeError=CUDARuntimeError)
cuda = types.SimpleNamespace(runtime=runtime)
cupyx = types.ModuleType("cupyx")
cupyx.scatter_add = lambda target, ids, rows: numpy.add.at(target.values, unwrap(ids), unwrap(rows))
