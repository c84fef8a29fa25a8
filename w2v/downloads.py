"""Public files by name: found in a folder, or downloaded once into the user's cache.

pooch downloads, and checks the SHA-256.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from w2v.errors import CorpusError, import_extra


@dataclass(frozen=True)
class Download:
    """A public file: `folder/name` under a data folder, and where it comes from.

    others: what serves as well where it is found: a part of it, or a folder that it unpacks to.
    """

    folder: str
    name: str
    url: str
    sha256: str
    others: tuple[str, ...] = ()


def local_file(download: Download, data_dir: str | Path | None = None) -> Path:
    """The local copy of a public file, found in data_dir (or `W2V_DATA_DIR`).

    Without a folder, it is downloaded into the user's cache. Raises CorpusError if the folder does
    not hold it or the download fails.
    """
    data_dir = data_dir or os.environ.get("W2V_DATA_DIR")
    if not data_dir:
        return _fetch(download)
    folders = Path(data_dir, download.folder), Path(data_dir)
    names = (*download.others, download.name)
    places = [folder / name for name in names for folder in folders]
    for place in places:
        if place.exists():
            return place
    raise CorpusError(
        f"there is no {places[-2]} (the folder is from --data-dir or W2V_DATA_DIR); put the file "
        f"there, or leave the folder out to download it"
    )


def _fetch(download: Download) -> Path:
    pooch = import_extra("pooch", f"downloading {download.name}")
    pooch.get_logger().setLevel("WARNING")
    try:
        return Path(
            pooch.retrieve(
                download.url,
                known_hash=f"sha256:{download.sha256}",
                fname=download.name,
                path=pooch.os_cache("w2v"),
            )
        )
    except (OSError, ValueError) as error:  # no network; or not the file that it should be
        reason = str(error).partition("\n")[0]
        raise CorpusError(
            f"cannot download {download.url} ({reason}); try again with a network, or put the "
            f"file into a folder and pass --data-dir FOLDER (or set W2V_DATA_DIR)"
        ) from error
