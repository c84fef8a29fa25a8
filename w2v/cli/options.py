"""Options that several commands share."""

import click

from w2v.config import TrainConfig

debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show where an error comes from."
)

model_option = click.option(
    "--model",
    "path",
    default=TrainConfig.output,
    envvar="W2V_MODEL",
    show_default=True,
    show_envvar=True,
    metavar="PATH",
    help="The vectors to ask.",
)

top_option = click.option(
    "--top", default=5, show_default=True, type=click.IntRange(min=1), help="How many answers."
)

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
