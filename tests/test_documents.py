"""Documents that are true: their commands and code run, their links and names lead somewhere."""

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from examples import bash_in, copy_of, furnish

from w2v.cli import cli

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    "README.md",
    "CHANGELOG.md",
    "configs/README.md",
    "scripts/bench/README.md",
    "w2v/GUIDE.md",
    "w2v/README.md",
)
READ_ONLY_PARSED = (
    "newsgroups.toml",  # trains on 20 newsgroups, which are not here
    "similar doctor",  # asks about their words
)
EXTRAS = ("kiwipiepy", "janome")  # examples with them run where they are installed


def text_of(document):
    return (ROOT / document).read_text()


def code_lines(document):
    """The indented lines of code, without the comments after them."""
    for line in text_of(document).splitlines():
        if line.startswith("    ") and not line.startswith("     "):
            yield line.partition("  #")[0].strip()


def command_lines(document):
    return [line for line in code_lines(document) if re.match(r"(w2v|zcat \S+ \| w2v) ", line)]


def python_blocks(document):
    return re.findall(r"^```python\n(.*?)^```", text_of(document), re.MULTILINE | re.DOTALL)


def links(document):
    """The targets of links and images, without those of other sites."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text_of(document))
    return [target for target in targets if "://" not in target]


def anchors(document):
    """The headings of a document, as links name them."""
    titles = re.findall(r"^#+ (.*)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def imports_of_the_book():
    """The second column of the README's table, each import by itself."""
    for row in re.findall(r"^\| `from .*$", text_of("README.md"), re.MULTILINE):
        yield from re.findall(r"`([^`]+)`", row.split("|")[2])


def known_options():
    """Every option of every command, and the help's."""
    params = [cli, *cli.commands.values()]
    named = [name for command in params for param in command.params for name in param.opts]
    return {
        *named,
        *(name for c in params for p in c.params for name in p.secondary_opts),
        "--help",
    }


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A folder with all files that the documents' commands name."""
    return furnish(tmp_path_factory.mktemp("documents"))


@pytest.mark.parametrize("document", ["README.md", "configs/README.md", "w2v/GUIDE.md"])
def test_the_commands_of_a_document_run(document, furnished, tmp_path):
    """In their order and in one folder, as a reader would type them."""
    shell = bash_in(copy_of(furnished, tmp_path))
    lines = command_lines(document)
    assert lines
    for line in lines:
        if not any(part in line for part in READ_ONLY_PARSED):
            shell(line)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_of_a_document_parse(document, monkeypatch):
    monkeypatch.chdir(ROOT)  # where the configuration files are
    for line in command_lines(document):
        for part in line.split(" | "):
            if part.startswith("w2v "):
                name, *arguments = shlex.split(part)[1:]
                assert isinstance(cli.commands[name].make_context(name, arguments), click.Context)


@pytest.mark.parametrize("document", ["README.md", "w2v/GUIDE.md"])
def test_the_code_of_a_document_runs(document, furnished, tmp_path):
    blocks = python_blocks(document)
    assert blocks
    folder = copy_of(furnished, tmp_path)
    for block in blocks:
        if any(name in block and find_spec(name) is None for name in EXTRAS):
            continue
        done = subprocess.run(
            [sys.executable, "-c", block], cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", ["README.md", "CHANGELOG.md", "configs/README.md",
                                      "w2v/GUIDE.md", "w2v/README.md"])  # fmt: skip
def test_the_options_that_a_document_names_exist(document):
    code = " ".join([*re.findall(r"`([^`\n]+)`", text_of(document)), *command_lines(document)])
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", code)) <= known_options()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.relative_to(ROOT)), link


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document):
    named = re.findall(r"\b(?:scripts|tests|configs)/[\w/.-]+", text_of(document))
    for name in named:
        if not name.startswith("scripts/gpu_check.py"):  # the name before 0.2.0
            path = name.rstrip(".")
            assert (ROOT / path).exists() or (ROOT / document).parent.joinpath(path).exists(), name


def test_what_is_where_leads_to_files_that_hold_it():
    section = text_of("w2v/README.md").partition("## What is where")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!to change|---)(.*) \|$", section, re.MULTILINE)
    assert len(rows) > 50
    for row in rows:
        found = re.findall(r"\[([^]]+)\]\(([^)]+)\)(?: `(\w+)`)?", row)
        assert found, row
        for label, path, name in found:
            assert path in (label, f"../{label}")
            target = ROOT / "w2v" / path
            assert target.is_file(), path
            assert not name or f"def {name}(" in target.read_text(), name


@pytest.mark.parametrize("line", list(imports_of_the_book()))
def test_the_imports_of_the_book_work(line):
    exec(line, {})


def test_the_readme_is_short():
    assert len(text_of("README.md").splitlines()) <= 200
    assert len(list(imports_of_the_book())) >= 12


def test_all_documents_are_tested():
    tracked = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert sorted(tracked) == sorted(DOCUMENTS)
    version = re.search(r"^version = (.*)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    assert re.search(r"^## (\S+)", text_of("CHANGELOG.md"), re.MULTILINE)[1] == version[1]
    assert Path(ROOT / "w2v" / "py.typed").is_file()
