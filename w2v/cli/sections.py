"""Help in sections: the options of a command, and the commands, under headings of their own."""

from collections.abc import Iterable
from typing import Any

import click


class Option(click.Option):
    """An option that is shown under the heading `section`."""

    def __init__(self, *names: Any, section: str = "Options", **attributes: Any):
        super().__init__(*names, **attributes)
        self.section = section


class Command(click.Command):
    """A command whose options come in sections, those without one at the end."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rest = "Options"
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                sections.setdefault(getattr(param, "section", rest), []).append(record)
        if rest in sections:
            sections[rest] = sections.pop(rest)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class Group(click.Group):
    """A group whose commands come in sections."""

    def __init__(self, *arguments: Any, **attributes: Any):
        super().__init__(*arguments, **attributes)
        self.sections: dict[str, list[click.Command]] = {}

    def add_section(self, title: str, commands: Iterable[click.Command]) -> None:
        """Add commands, shown under a heading in the order given."""
        for command in commands:
            self.add_command(command)
            self.sections.setdefault(title, []).append(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for name in self.commands)
        limit = formatter.width - 6 - width
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{c.name:<{width}}", c.get_short_help_str(limit)) for c in commands]
                )
