"""Every reader of files, on real files with some bytes changed: a valid result or a W2VError.

    python scripts/fuzz/fuzz.py [--reader NAME ...] [--cases 1000] [--seed 1] [--out DIR]
    python scripts/fuzz/fuzz.py --replay DIR/NAME-SEED-NUMBER

A case is a function of the reader's name, the seed and its number. Each is read in a process that
is limited: it may take 300 MB beyond the file's size, ask for 1 GB and compute for 5 s. A case that
ends otherwise is a failure; failures of one kind are shown once, and their files are written to DIR
(fuzz-failures), for --replay. Exits with 1 if there are any. For Linux.
"""

import argparse
import contextlib
import os
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from isolation import Outcome, outcomes
from mutations import mutate
from readers import Files, Reader, make_readers

KEPT_OF_A_KIND = 3  # failures of which the files are written


def case(name: str, reader: Reader, seed: int, number: int) -> Files:
    """The files of a case."""
    draw = random.Random(f"{name} {seed} {number}")
    files = dict(draw.choice(reader.seeds))
    changed = draw.choice(list(files))
    data, others = files[changed], [seed[changed] for seed in reader.seeds if changed in seed]
    if reader.unpack and reader.pack and draw.random() < 0.5:
        inner = [reader.unpack(other) for other in others]
        data = reader.pack(mutate(reader.unpack(data), draw, inner))
    else:
        data = mutate(data, draw, others)
    return files | {changed: data}


def write(files: Files, folder: Path) -> Path:
    """Write the files of a case into a folder; returns the path of the one that is read."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder / next(iter(files))


def run(name: str, reader: Reader, seed: int, cases: int, out: Path) -> Counter[str]:
    """Run the cases of a reader; prints a line and returns how often each problem occurred."""
    problems: Counter[str] = Counter()
    start, errors, memory, seconds = time.monotonic(), 0, 0, 0.0
    with tempfile.TemporaryDirectory() as folder:

        def prepare(number: int) -> tuple[Path, int]:
            files = case(name, reader, seed, number)
            return write(files, Path(folder)), sum(map(len, files.values()))

        for number, outcome in outcomes(reader.read, prepare, range(cases)):
            errors += outcome.message != ""
            memory, seconds = max(memory, outcome.memory), max(seconds, outcome.seconds)
            if outcome.problem is not None:
                problems[outcome.problem] += 1
                _keep(
                    case(name, reader, seed, number),
                    outcome,
                    problems,
                    out / f"{name}-{seed}-{number}",
                )
    print(
        f"{name:12} {cases:7,} cases, {errors:7,} refused, {sum(problems.values()):5,} failures; "
        f"most: {memory / 1e6:4.0f} MB, {seconds:.2f} s; {time.monotonic() - start:.0f} s",
        flush=True,
    )
    return problems


def _keep(files: Files, outcome: Outcome, problems: Counter[str], folder: Path) -> None:
    """Write a failing case and show the first of its kind."""
    assert outcome.problem is not None
    if problems[outcome.problem] <= KEPT_OF_A_KIND:
        write(files, folder)
    if problems[outcome.problem] == 1:
        print(f"  {folder}: {outcome.problem}: {outcome.message:.300}", flush=True)


def replay(folder: Path, readers: dict[str, Reader]) -> None:
    """Read a case that was kept, without limits, so that an error shows where it comes from."""
    name = folder.name.rsplit("-", 2)[0]
    first = next(name for name in next(iter(readers[name].seeds)) if (folder / name).exists())
    print(readers[name].read(folder / first))


def main(arguments: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reader", action="append", metavar="NAME", help="Only this; repeatable.")
    parser.add_argument("--cases", type=int, default=1000, help="Of each reader.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--replay", type=Path, metavar="FOLDER")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    out = options.out.absolute()
    problems: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        os.environ["W2V_CACHE_DIR"] = folder
        readers = make_readers(Path(folder))
        if options.replay:
            replay(options.replay, readers)
            return 0
        for name in options.reader or readers:
            problems += run(name, readers[name], options.seed, options.cases, out)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
