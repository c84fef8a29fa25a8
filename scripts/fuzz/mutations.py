"""Changes to bytes that have found bugs in readers of files: every one is drawn from `random`."""

from collections.abc import Callable
from random import Random

Mutation = Callable[[bytes, Random], bytes]

NUMBERS = [0, 1, 2, 127, 128, 255, 256, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63]
NUMERALS = (
    [str(number) for number in (*NUMBERS, -1, -(2**63), 10**12, 400_000_000, 10**25)]
    + ["1e999", "-1e999", "1e-999", "nan", "inf", "1.5", "0x10", "1_000", "٣", "9" * 5000, ""]
)  # fmt: skip
NESTS = [b"[", b"{", b"(", b'{"a":', b"a.", b"[[", b"\x80", b"(l", b"\x94"]
TEXTS = [
    *(b"\n", b"\r\n", b"\r", b"\t", b" ", b"  ", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80"),
    *(b"#", b":", b",", b";", b"=", b'"', b"'", b"\\", b"[", b"]", b"{", b"}", b"true", b"null"),
    *("é".encode("latin-1"), "e\u0301".encode(), "\u2028".encode(), "\x85".encode(), "語".encode()),
    *(
        b"\x1f\x8b",
        b"BZh",
        b"\x28\xb5\x2f\xfd",
        b"PK\x03\x04",
        b"PAR1",
        b"\xba\x16O/",
        b"w2v-ids\n",
    ),
]


def mutate(data: bytes, random: Random, others: list[bytes]) -> bytes:
    """One to four changes to `data`. others: files of the same kind, to take pieces from."""
    for _ in range(random.choice([1, 1, 1, 2, 2, 3, 4])):
        if random.random() < 0.05:
            data = splice(data, random, random.choice(others))
        else:
            data = random.choice(MUTATIONS)(data, random)
    return data


def splice(data: bytes, random: Random, other: bytes) -> bytes:
    """The beginning of one and the end of another."""
    return data[: _place(data, random)] + other[_place(other, random) :]


def _place(data: bytes, random: Random) -> int:
    """A place in the data, often near one of its ends, where headers are."""
    near = random.randint(0, min(64, len(data)))
    return random.choice([near, len(data) - near, random.randint(0, len(data))])


def _range(data: bytes, random: Random) -> tuple[int, int]:
    start = _place(data, random)
    return start, min(len(data), start + int(2 ** random.uniform(0, 12)))


def _flip_bit(data: bytes, random: Random) -> bytes:
    if not data:
        return data
    place = min(_place(data, random), len(data) - 1)
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


def _set_byte(data: bytes, random: Random) -> bytes:
    place = _place(data, random)
    return (
        data[:place] + bytes([random.choice([0, 255, random.randrange(256)])]) + data[place + 1 :]
    )


def _set_number(data: bytes, random: Random) -> bytes:
    """A number in binary, of 1 to 8 bytes, is another."""
    size, order = random.choice([1, 2, 4, 8]), random.choice(["little", "little", "big"])
    number = random.choice([*NUMBERS, *(-number for number in NUMBERS)]) % (1 << 8 * size)
    place = _place(data, random)
    return data[:place] + number.to_bytes(size, order) + data[place + size :]  # type: ignore[arg-type]


def _set_numeral(data: bytes, random: Random) -> bytes:
    """A number in digits is another."""
    place = _place(data, random)
    start = next((i for i in range(place, len(data)) if 48 <= data[i] < 58), len(data))
    stop = next((i for i in range(start, len(data)) if not 48 <= data[i] < 58), len(data))
    return data[:start] + random.choice(NUMERALS).encode() + data[stop:]


def _truncate(data: bytes, random: Random) -> bytes:
    return data[: _place(data, random)]


def _delete(data: bytes, random: Random) -> bytes:
    start, stop = _range(data, random)
    return data[:start] + data[stop:]


def _repeat(data: bytes, random: Random) -> bytes:
    start, stop = _range(data, random)
    return data[:stop] + data[start:stop] * random.choice([1, 2, 100]) + data[stop:]


def _move(data: bytes, random: Random) -> bytes:
    start, stop = _range(data, random)
    piece, rest = data[start:stop], data[:start] + data[stop:]
    place = _place(rest, random)
    return rest[:place] + piece + rest[place:]


def _overwrite(data: bytes, random: Random) -> bytes:
    start, stop = _range(data, random)
    filling = random.choice([b"\0", b"\xff", b" ", b"A", b"\n", b"1"]) * (stop - start)
    return data[:start] + filling + data[stop:]


def _insert_random(data: bytes, random: Random) -> bytes:
    place = _place(data, random)
    return data[:place] + random.randbytes(random.choice([1, 4, 100])) + data[place:]


def _insert_text(data: bytes, random: Random) -> bytes:
    place = _place(data, random)
    return data[:place] + random.choice(TEXTS) + data[place:]


def _insert_nest(data: bytes, random: Random) -> bytes:
    place = _place(data, random)
    return data[:place] + random.choice(NESTS) * random.choice([10, 1000, 100_000]) + data[place:]


def _replace_all(data: bytes, random: Random) -> bytes:
    """Every line end, or every space, is another."""
    return data.replace(random.choice([b"\n", b" ", b"\t", b","]), random.choice(TEXTS))


MUTATIONS: list[Mutation] = [
    _flip_bit,
    _flip_bit,
    _set_byte,
    _set_number,
    _set_number,
    _set_numeral,
    _truncate,
    _delete,
    _repeat,
    _move,
    _overwrite,
    _insert_random,
    _insert_text,
    _insert_nest,
    _replace_all,
]
