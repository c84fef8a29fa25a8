"""The picture of how the loss fell."""

from w2v.errors import import_extra
from w2v.files import replacing


def draw_losses(
    places: list[float] | list[int],
    unit: str,
    losses: list[float],
    ylim: tuple[float, float] | None = None,
    path: str | None = None,
) -> None:
    """Draw losses over the places in the training where they were measured.

    unit: what the places count. Shown on the screen, or written to a PNG file at `path`. Raises
    MissingPackageError without matplotlib, OutputError.
    """
    plt = import_extra("matplotlib.pyplot", "drawing the loss curve")
    figure, axes = plt.subplots()
    axes.plot(places, losses)
    axes.set(xlabel=unit, ylabel="loss", ylim=ylim)
    axes.grid(alpha=0.3)
    if path is None:
        plt.show()
    else:
        with replacing(path) as file:
            figure.savefig(file, format="png", dpi=120)
    plt.close(figure)
