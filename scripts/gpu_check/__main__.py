"""Checks the kernels on a real GPU and measures them, in sections with a budget of time each.

    python scripts/gpu_check --data DIR [--out gpu_check.json] [--only NAME ...] [--cubins DIR]
    python scripts/gpu_check --compile-only DIR [--arch 90]
    python scripts/gpu_check --data DIR --small
    python scripts/gpu_check --data DIR --dry-run

DIR of --data holds wiki8.txt (or .txt.gz, .txt.zst), wordsim353.tsv and questions-words.txt, and
ptb/ if the layers engine is to run on the Penn Treebank. Prints a line for each measurement, writes
the JSON after each section (one that is there is added to), and exits with 1 if a check failed.
--compile-only needs no GPU: it fills a folder that --cubins takes on a machine with one. --small
does everything with a few small cases, to show that the script itself works; --dry-run does that on
NumPy, with the reference in place of the kernel. Their figures mean nothing.
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
from typing import Any, NamedTuple

sys.path[:0] = [str(Path(__file__).parents[1] / "bench"), str(Path(__file__).parents[2])]

from cases import COMPILED
from check import Check
from correctness import about_device, parity
from cubins import Cubins, compile_all
from qualities import qualities, whole_run
from speeds import large_vocabulary, layers, speeds
from variants import pytorch, variants

from w2v import backend
from w2v.errors import W2VError


class Section(NamedTuple):
    """A part of the check. budget: seconds, after which it begins no further measurement."""

    work: Callable[[Check], dict[str, Any]]
    budget: int


SECTIONS = {
    "device": Section(about_device, 60),
    "parity": Section(parity, 180),
    "quality": Section(qualities, 300),
    "whole-run": Section(whole_run, 180),
    "speed": Section(speeds, 240),
    "large-vocabulary": Section(large_vocabulary, 240),
    "layers": Section(layers, 180),
    "pytorch": Section(pytorch, 180),
    "variants": Section(variants, 360),
}
"""What is run, in this order; `--only` names them."""


def main() -> None:
    options = parse()
    try:
        if options.compile_only:
            compile_ahead(options.compile_only, options.arch)
        else:
            sys.exit(bool(check(options)))
    except W2VError as error:
        print(f"gpu_check: {error}", file=sys.stderr)
        sys.exit(2)


def compile_ahead(folder: Path, arch: int) -> None:
    start = time.perf_counter()
    count = compile_all(COMPILED, folder, arch)
    print(f"{folder}: {count} kernels for sm_{arch}, in {time.perf_counter() - start:.0f} s")


def check(options: argparse.Namespace) -> list[str]:
    """Run the sections. Returns what failed."""
    os.environ["W2V_DATA_DIR"] = str(options.data)
    cubins = Cubins(options.cubins) if options.cubins else None
    kind = "dry" if options.dry_run else "small" if options.small else "full"
    sections = earlier_sections(options.out, kind)
    with tempfile.TemporaryDirectory() as folder, backend.device(not options.dry_run):
        os.environ["W2V_CACHE_DIR"] = folder
        shared = Check(options.data, kind, Path(folder), cubins, sections)
        for name in options.only or SECTIONS:
            sections[name] = run_section(shared, name, SECTIONS[name])
            write(options.out, shared)
    failed = [failure for name in options.only or SECTIONS for failure in sections[name]["failed"]]
    print(f"written: {options.out}; failed: {', '.join(failed) or 'nothing'}")
    return failed


def run_section(shared: Check, name: str, section: Section) -> dict[str, Any]:
    """What a section found, or the error that ended it: the others are worth having all the same.

    A case that its budget left no time for is a failure.
    """
    print(f"-- {name} (at most {section.budget} s)", flush=True)
    start = shared.start(section.budget)
    result: dict[str, Any] = {}
    try:
        result["found"] = section.work(shared)
    except Exception as error:
        traceback.print_exc()
        result["error"] = f"{type(error).__name__}: {error}"
        shared.failed.append(name)
    seconds = round(time.perf_counter() - start, 1)
    return result | {"failed": shared.failed, "seconds": seconds, "budget": section.budget}


def earlier_sections(out: Path, kind: str) -> dict[str, Any]:
    """The sections that an earlier command has left in the JSON."""
    if not out.exists():
        return {}
    try:
        earlier = json.loads(out.read_text())
        earlier_kind, sections = earlier["kind"], earlier["sections"]
    except (ValueError, KeyError, TypeError) as error:
        raise W2VError(f"{out} is not a JSON of this check: name another with --out") from error
    if earlier_kind != kind:
        raise W2VError(f"{out} is of a {earlier_kind} run, this is a {kind} one: name another")
    print(f"adding to {out}, which has: {', '.join(sections)}")
    return sections


def write(out: Path, shared: Check) -> None:
    """Write all that is known so far, whole or not at all."""
    content = {"kind": shared.kind, "sections": shared.sections}
    if shared.cubins:
        content["cubins"] = shared.cubins.report()
    beside = out.with_name(out.name + ".part")
    beside.write_text(json.dumps(content, indent=2))
    beside.replace(out)


def parse() -> argparse.Namespace:
    budgets = ", ".join(f"{name} {section.budget} s" for name, section in SECTIONS.items())
    parser = argparse.ArgumentParser(
        prog="gpu_check",
        description=__doc__.partition("\n")[0],
        epilog=f"Sections, with their budgets: {budgets}.",
    )
    parser.add_argument("--data", type=Path, help="folder of the text and the questions")
    parser.add_argument("--out", type=Path, default=Path("gpu_check.json"))
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="run these sections alone")
    parser.add_argument("--small", action="store_true", help="a few small cases, as a trial")
    parser.add_argument("--dry-run", action="store_true", help="these on NumPy")
    parser.add_argument(
        "--cubins", type=Path, metavar="DIR", help="kernels that --compile-only has made"
    )
    parser.add_argument(
        "--compile-only", type=Path, metavar="DIR", help="compile all kernels, without a GPU"
    )
    parser.add_argument("--arch", type=int, default=90, help="compute capability: 90 is 9.0")
    options = parser.parse_args()
    if not (options.data or options.compile_only):
        parser.error("name the folder of the text with --data, or --compile-only")
    return options


if __name__ == "__main__":
    main()
