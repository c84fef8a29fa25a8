"""Help that is true: its examples run, its sections hold every option, its shells complete."""

import inspect
import json
import re

import click
import pytest
from click.testing import CliRunner
from examples import bash_in, copy_of, furnish

from w2v.cli import cli


def examples():
    """The command lines in the help of each command, without the comments after them."""
    for name, command in cli.commands.items():
        for line in inspect.cleandoc(command.help).splitlines():
            if re.search(rf"(^  |\| )w2v {name}\b", line):
                yield name, line.partition("  #")[0].strip()


EXAMPLES = list(examples())


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A folder with all files that the examples name, and vectors of the demo corpus."""
    return furnish(tmp_path_factory.mktemp("examples"))


@pytest.fixture
def shell(furnished, tmp_path):
    """Runs a line in bash, in a copy of the furnished folder. Returns what it prints."""
    return bash_in(copy_of(furnished, tmp_path))


def test_every_command_has_an_example():
    assert {name for name, _ in EXAMPLES} == set(cli.commands)


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_the_examples_of_the_help_run(shell, name):
    if name == "info":
        shell("w2v encode corpus.txt")  # what the second example shows
    for command, line in EXAMPLES:
        if command == name:
            out = shell(line)
            assert out or name in ("ask", "neighbours-of"), line
            if "--json" in line:
                assert [json.loads(part) for part in ([out] if name != "neighbours-of" else
                        out.splitlines())], line  # fmt: skip


def test_the_examples_say_what_comes_out(shell):
    """The answers that the help and the README promise."""
    assert shell("w2v analogy king man queen --top 1").splitlines()[1].startswith("  woman")
    assert shell("w2v odd-one-out king queen toyota prince").startswith("[odd one out] toyota")


def test_every_option_of_train_has_a_section():
    """Headings in the order of the work; under `Options` only what is not about the training."""
    out = CliRunner().invoke(cli, ["train", "--help"]).output
    sections, title = {}, None
    for line in out.splitlines():
        if re.match(r"[A-Z].*:$", line):
            title = line[:-1]
        elif found := re.match(r"  (?:-\w, )?(--[\w-]+)", line):
            sections.setdefault(title, []).append(found[1])
    assert list(sections) == [
        "Text", "Model", "Training", "Training with --engine fused",
        "Training with --engine layers", "Scores", "Output", "A run that can go on", "Options",
    ]  # fmt: skip
    assert sections["Options"] == ["--config", "--debug", "--help"]
    assert "--dim" in sections["Model"] and "--epochs" in sections["Training"]
    assert "--lowercase" in sections["Text"] and "--output" in sections["Output"]
    shown = [name for names in sections.values() for name in names]
    params = cli.commands["train"].params
    options = [p.opts for p in params if isinstance(p, click.Option) and not p.hidden]
    assert len(shown) == len(set(shown)) == len(options) + 1  # and --help


def test_commands_come_in_groups():
    out = CliRunner().invoke(cli, ["--help"]).output
    titles = re.findall(r"^([A-Z].*):$", out, re.MULTILINE)
    assert titles == ["Options", "From text to vectors", "Questions", "Scores", "Files"]
    grouped = [command for commands in cli.sections.values() for command in commands]
    assert sorted(command.name for command in grouped) == sorted(cli.commands)
    for command in grouped:
        assert re.search(rf"^  {command.name} +[A-Z].*[^ ]$", out, re.MULTILINE)
        assert f"{command.get_short_help_str(200)}\n" in out  # in whole


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_options(shell, name):
    script = shell("w2v", _W2V_COMPLETE=f"{name}_source")
    assert "_W2V_COMPLETE" in script
    words = {"COMP_WORDS": "w2v neigh", "COMP_CWORD": "1" if name != "fish" else "neigh"}
    assert "neighbours-of" in shell("w2v", _W2V_COMPLETE=f"{name}_complete", **words)
