"""Writing LLVM code for Numba: vectors of LANES floats, and intrinsics made from what emits them.

The code speaks LLVM's vector types, which become the machine's own: 512 bits where there are any,
else two or four narrower ones. `tiles` and `vectors` are written with it.
"""

import inspect
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

LANES = 16
"""Floats in a vector; rows of weights and buffers are padded to a multiple of it."""

FLOAT = ir.FloatType()
VECTOR = ir.VectorType(FLOAT, LANES)
INT = ir.IntType(64)
INT32 = ir.IntType(32)
INTS = ir.VectorType(INT32, LANES)

_KINDS = {"i": types.intp, "f": types.float32, "w": types.int32}


def emits(kinds: str, returns: Any = types.void) -> Callable[[Callable], Any]:
    """Make an intrinsic of Numba from a function that emits its code.

    kinds: a letter for each argument: `a` for an array, `t` for a NamedTuple, `i` for an intp, `f`
    for a float32, `w` for an int32 (a word's id). The function gets LLVM's builder and the values
    of the arguments: for an array the pointer to its first element, for a NamedTuple one of such
    values, its integers as intp. It returns the value, or None for void.
    """

    def decorate(emit: Callable) -> Any:
        def typed(typing_context, *given):
            kept = [_KINDS.get(letter, kind) for letter, kind in zip(kinds, given, strict=True)]

            def codegen(context, builder, signature, values):
                pairs = zip(signature.args, values, strict=True)
                arguments = [_unpacked(context, builder, kind, value) for kind, value in pairs]
                result = emit(builder, *arguments)
                return context.get_dummy_value() if result is None else result

            return returns(*kept), codegen

        names = ["typing_context", *list(inspect.signature(emit).parameters)[1:]]
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind) for name in names]
        typed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        typed.__name__, typed.__doc__ = emit.__name__, emit.__doc__
        return extending.intrinsic(typed)

    return decorate


def _unpacked(context, builder, kind: Any, value):
    """What an emitting function gets for a value of Numba's type `kind`: see `emits`."""
    if isinstance(kind, types.Array):
        return cgutils.create_struct_proxy(kind)(context, builder, value=value).data
    if hasattr(kind, "instance_class"):  # a NamedTuple
        parts = [builder.extract_value(value, place) for place in range(len(kind.types))]
        fields = zip(kind.types, parts, strict=True)
        return kind.instance_class(
            *(
                context.cast(builder, part, field, types.intp)
                if isinstance(field, types.Integer)
                else _unpacked(context, builder, field, part)
                for field, part in fields
            )
        )
    return value


def pointer(builder, base, offset):
    return builder.gep(base, [offset])


def row_at(builder, rows, place, step, offset):
    """Offset of an element of the row whose number is rows[place]."""
    word = builder.sext(builder.load(pointer(builder, rows, place)), INT)
    return builder.add(offset, builder.mul(word, step))


def load_vector(builder, base, offset, kind=VECTOR):
    address = builder.bitcast(pointer(builder, base, offset), kind.as_pointer())
    return builder.load(address, align=4)


def store_vector(builder, vector, base, offset):
    address = builder.bitcast(pointer(builder, base, offset), VECTOR.as_pointer())
    builder.store(vector, address, align=4)


def broadcast(builder, scalar, kind=VECTOR):
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, scalar, INT32(0))
    return builder.shuffle_vector(one, nothing, ir.Constant(INTS, [0] * LANES))


def count_lanes(builder, condition):
    """How many lanes of a vector of booleans are true, as an integer."""
    mask = ir.IntType(LANES)
    return builder.zext(builder.ctpop(builder.bitcast(condition, mask)), INT)


def fused_multiply_add(builder, x, y, z):
    kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")
    return builder.call(function, [x, y, z])
