"""A benchmark of this folder run by an earlier commit and by this checkout, in turn.

    python scripts/bench/against.py [--rounds 3] COMMIT kernel.py wiki8.txt.zst --rounds 1

Each version runs its own copy of the benchmark on its own code. What is compared are the figures of
the JSON that it writes: the medians over the rounds, and their ratios (above 1: more now than
before; speeds should not fall, seconds should not rise). Results go to results/against-NAME.json.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from timing import write_results

HERE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(HERE / "scripts"))

from unchanged import unpack  # noqa: E402


def figures(value: object, name: str = "") -> Iterator[tuple[str, float]]:
    """The numbers in a JSON, each with the path to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "machine":
                yield from figures(inner, f"{name} / {key}" if name else key)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


def run(tree: Path, arguments: list[str]) -> dict[str, float]:
    """The figures of one run of a benchmark by the code in `tree`."""
    results = tree / "scripts/bench/results"
    shutil.rmtree(results, ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, str(tree / "scripts/bench" / arguments[0]), *arguments[1:]]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    found: dict[str, float] = {}
    for file in sorted(results.glob("*.json")):
        found |= figures(json.loads(file.read_text()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("benchmark", nargs=argparse.REMAINDER, help="its file and arguments")
    options = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {"before": [], "now": []}
    with tempfile.TemporaryDirectory() as old, tempfile.TemporaryDirectory() as new:
        trees = {"before": unpack(options.commit, old), "now": Path(new)}
        for folder in ("w2v", "scripts"):
            shutil.copytree(HERE / folder, Path(new, folder))
        for _ in range(options.rounds):
            for version, tree in trees.items():
                runs[version].append(run(tree, options.benchmark))
    compared = {}
    for name in runs["before"][0]:
        if all(name in found for version in runs.values() for found in version):
            before, now = (
                statistics.median(found[name] for found in runs[version])
                for version in ("before", "now")
            )
            compared[name] = {"before": before, "now": now, "ratio": now / before}
            print(f"{name:<60} {before:>14,.4g} {now:>14,.4g} {now / before:6.3f}")
    stem = Path(options.benchmark[0]).stem
    write_results(f"against-{stem}", {"commit": options.commit, "figures": compared})


if __name__ == "__main__":
    main()
