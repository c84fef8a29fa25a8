"""Conflicts of shared memory in `span.cu`, by arithmetic on the addresses that a warp's lanes use.

    python scripts/bench/gpu_conflicts.py [--dims 100 128 300]

Shared memory has 32 banks of 4 bytes. A warp's access of 4, 8 or 16 bytes a lane goes in turns of
32, 16 or 8 lanes, and a turn takes as many passes as there are different words in one bank (CUDA
programming guide, shared memory; that lanes take turns in order is what is commonly measured).
Prints passes beside the fewest possible. Nothing is run.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable

LANES, BANKS = 32, 32


def passes(words: list[int], width: int) -> int:
    """How often the banks are read. words: each lane's first word; width: words of a lane.

    Example: 32 lanes that read one word are 1 pass; lanes 32 words apart are 32.
    """
    turn = LANES // width
    total = 0
    for first in range(0, LANES, turn):
        banks = defaultdict(set)
        for word in words[first : first + turn]:
            for number in range(word, word + width):
                banks[number % BANKS].add(number)
        total += max(map(len, banks.values()))
    return total


def fewest(words: list[int], width: int) -> int:
    """Passes if the words lay as well as they can: all banks are full but in the last."""
    turn = LANES // width
    parts = [words[first : first + turn] for first in range(0, LANES, turn)]
    sizes = [len({word + n for word in part for n in range(width)}) for part in parts]
    return sum(-(-size // BANKS) for size in sizes)


def accesses(dim: int) -> dict[str, tuple[Callable[[int], int], int]]:
    """Word of each lane and width, for skip-gram of 16 centre words and 16 negatives."""
    vectors = -(-dim // 4)
    row, scores, groups = 4 * (vectors | 1), 36, 8
    return {
        "score: rows of x": (lambda lane: lane // groups * row, 4),
        "score: rows of outputs": (lambda lane: lane % groups * row, 4),
        "score: gradients": (lambda lane: lane // groups * scores + lane % groups, 1),
        "sum: rows": (lambda lane: 4 * (lane % vectors), 4),
        "sum: two gradients of a row": (lambda lane: lane // vectors * 8 * scores, 2),
        "tensor score: ldmatrix": (lambda lane: lane % 8 * row + lane // 8 * 4, 4),
        "tensor score: gradients": (lambda lane: lane // 4 * scores + lane % 4 * 2, 1),
        "tensor sum: ldmatrix": (lambda lane: lane % 16 * scores + lane // 16 * 4, 4),
        "tensor sum: gradients of a column": (lambda lane: lane % 4 * scores + lane // 4, 1),
        "tensor sum: rows": (
            lambda lane: lane % 4 * row + 4 * (lane // 8 + lane // 4 % 2 * 4),
            4,
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dims", nargs="+", type=int, default=[128])
    for dim in parser.parse_args().dims:
        print(f"dim {dim}: passes, and the fewest")
        for name, (word, width) in accesses(dim).items():
            words = [word(lane) for lane in range(LANES)]
            print(f"  {name:36}{passes(words, width):4}{fewest(words, width):4}")


if __name__ == "__main__":
    main()
