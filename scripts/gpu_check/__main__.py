"""Checks the kernels on a real GPU and measures them, in one command of under five minutes.

    python scripts/gpu_check --data DIR [--out gpu_check.json] [--only NAME ...] [--dry-run]

DIR holds wiki8.txt (or .txt.gz, .txt.zst), wordsim353.tsv and questions-words.txt, and ptb/ if the
layers engine is to run on the Penn Treebank. Prints a line for each measurement, writes them all as
JSON, and exits with 1 if a check failed. --dry-run does everything in small on NumPy, with the
reference in place of the kernel, to show that the script itself works; its figures mean nothing.
"""

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1] / "bench"), str(Path(__file__).parents[2])]

from check import Check, corpus_path, read_text
from correctness import about_device, parity
from qualities import qualities, whole_run
from speeds import large_vocabulary, layers, speeds
from variants import pytorch, shapes

from w2v import backend

SECTIONS: dict[str, Callable[[Check], dict[str, Any]]] = {
    "device": about_device,
    "parity": parity,
    "quality": qualities,
    "whole run": whole_run,
    "speed": speeds,
    "large vocabulary": large_vocabulary,
    "layers": layers,
    "pytorch": pytorch,
    "shapes": shapes,
}
"""What is run, in this order; `--only` names them. Each returns what goes into the JSON."""


def main() -> None:
    options = parse()
    os.environ["W2V_DATA_DIR"] = str(options.data)
    with tempfile.TemporaryDirectory() as folder, backend.device(not options.dry_run):
        os.environ["W2V_CACHE_DIR"] = folder
        corpus = corpus_path(options.data, Path(folder))
        check = Check(options.data, options.dry_run, corpus, read_text(corpus, options.dry_run))
        for name, section in SECTIONS.items():
            if options.only and name not in options.only:
                continue
            start = time.perf_counter()
            print(f"-- {name}", flush=True)
            try:
                check.results[name] = section(check)
            except Exception as error:  # the other sections are worth having all the same
                traceback.print_exc()
                check.results[name] = {"error": f"{type(error).__name__}: {error}"}
                check.failed.append(name)
            check.results[name]["seconds_taken"] = round(time.perf_counter() - start, 1)
            options.out.write_text(
                json.dumps(
                    {"dry_run": check.is_dry, "failed": check.failed, **check.results}, indent=2
                )
            )
    print(f"written: {options.out}; failed: {', '.join(check.failed) or 'nothing'}")
    sys.exit(bool(check.failed))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("gpu_check.json"))
    parser.add_argument("--only", nargs="+", choices=SECTIONS)
    parser.add_argument("--dry-run", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
