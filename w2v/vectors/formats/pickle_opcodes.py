"""What a pickle would build, seen before anything is built: a pass over its opcodes, with limits.

The unpickler follows a file blindly. Nine bytes can make its table of remembered objects take
gigabytes, one byte makes an object of two hundred, and a tuple within a tuple, some ten thousand
times, ends the process where it is hashed. Word vectors have few of these; `pickle_format` reads
what passes here.

Going through the opcodes by `pickletools` takes a microsecond for each. So the pairs of a
dictionary, of which there are millions, are passed over in one match where they are of the kinds
that word vectors have.
"""

import io
import pickletools
import re

MEMO = 1 << 23  # objects that are remembered, or one for each eight bytes
CONTAINERS = 10_000  # and one for each sixteen bytes
TUPLES = 5_000  # apart from those of NumPy's words and numbers, in the pattern below

_TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET"}
_CONTAINERS = {"LIST", "DICT", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"}
_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}


def check_opcodes(data: bytes) -> None:
    """Raise ValueError for a pickle that is damaged, or that would take more than it should.

    EOFError: it ends too early.
    """
    file = io.BytesIO(data)
    containers = tuples = 0
    try:
        for opcode, argument, place in pickletools.genops(file):
            place = place or 0
            if opcode.name == "MARK" and (pairs := _PAIRS.match(data, place)):
                file.seek(pairs.end())
            elif opcode.name in _PUTS and (argument or 0) > max(MEMO, place // 8):
                raise LimitError(f"byte {place:,} asks for a table of {argument:,} objects")
            containers += opcode.name in _CONTAINERS
            tuples += opcode.name in _TUPLES
            if tuples > TUPLES or containers > CONTAINERS + place // 16:
                raise LimitError(
                    f"byte {place:,}: more tuples, lists or tables than word vectors have"
                )
    except LimitError:
        raise
    except ValueError as error:
        if file.tell() >= len(data):
            raise EOFError(str(error)) from error
        raise


class LimitError(ValueError):
    """A limit is passed."""


def _counted(width: int) -> bytes:
    """A pattern of up to 255 bytes after their number, of `width` bytes."""
    lengths = (re.escape(size.to_bytes(width, "little")) + b".{%d}" % size for size in range(256))
    return b"(?:" + b"|".join(lengths) + b")"


# Only strings, names and what NumPy's numbers and strings are made of are remembered here. Whatever
# else is remembered could be nested by being fetched again, and is counted.
_FRAME = rb"(?:\x95.{8})?+"  # may begin after any object
_PUT = rb"(?:\x94|q.|r..[\x00-\x7f]\x00)?+" + _FRAME
_STRING = rb"(?:\x8c" + _counted(1) + rb"|X" + _counted(4) + rb")" + _PUT
_NUMBER = rb"(?:K.|M..|J.{4})" + _FRAME
_FLAG = rb"[N\x88\x89]" + _FRAME
_GET = rb"(?:h.|j.{4})" + _FRAME
_WORD = rb"(?:" + _STRING + rb"|" + _GET + rb")"
_NAME = rb"(?:" + _WORD + _WORD + rb"\x93|c[^\n]{1,99}\n[^\n]{1,99}\n)" + _PUT
_OBJECT = rb"(?:" + _GET + rb"|" + _NAME + rb")"
_CALL = rb"\x86" + _PUT + rb"R" + _PUT  # of an object with two arguments
_ENCODED = _OBJECT + _WORD + _WORD + _CALL
_BYTES = rb"(?:C" + _counted(1) + _PUT + rb"|" + _ENCODED + rb")"
_STATE = (
    rb"\("
    + _FRAME
    + rb"(?:"
    + rb"|".join([_NUMBER, _WORD, _FLAG])
    + rb")*+t"
    + _PUT
    + rb"b"
    + _FRAME
)
_DTYPE = _OBJECT + _WORD + _FLAG + _FLAG + rb"\x87" + _PUT + rb"R" + _PUT + _STATE
_SCALAR = _OBJECT + rb"(?:" + _DTYPE + rb"|" + _GET + rb")" + _BYTES + _CALL
_ALONE = _WORD + rb"(?![\x8cXhjc])"  # two in a row may be an object: tried before it, for speed
_PAIRS = re.compile(
    rb"\(" + _FRAME + rb"(?>" + rb"|".join([_ALONE, _NUMBER, _SCALAR, _WORD]) + rb")*+u", re.DOTALL
)
"""A part of a dictionary, from MARK to SETITEMS, of words and ids in either order."""
