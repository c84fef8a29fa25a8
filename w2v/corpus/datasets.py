"""Corpora by name: the file or folder of a named corpus, from a folder or downloaded once.

A download goes into the user's cache through pooch, which checks its SHA-256.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from w2v.errors import ConfigError, CorpusError, import_extra


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


# The files that the book's `dataset/ptb.py` downloads. The text is the Linguistic Data
# Consortium's, for research; it must not be passed on.
_PTB_URL = "https://raw.githubusercontent.com/tomsercu/lstm/master/data/"
_PTB_SHA256 = {
    "train": "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    "valid": "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    "test": "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
}
FILES = {
    ("ptb", split): Download("ptb", f"ptb.{split}.txt", f"{_PTB_URL}ptb.{split}.txt", sha256)
    for split, sha256 in _PTB_SHA256.items()
}

# The archive of both splits that scikit-learn downloads: the "bydate" set of Jason Rennie's page.
for _split in ("train", "test"):
    FILES["20newsgroups", _split] = Download(
        "20newsgroups",
        "20news-bydate.tar.gz",
        "https://ndownloader.figshare.com/files/5975967",
        "8f1b2514ca22a5ade8fbb9cfa5727df95fa587f4c87b786e15c759fa66d95610",
        (f"20news-bydate-{_split}.tar.gz", f"20news-bydate-{_split}"),
    )


def dataset_file(name: str, split: str, data_dir: str | Path | None = None) -> Path:
    """The local file of a named corpus, such as ("ptb", "train"), or the folder of 20newsgroups.

    It is looked for in data_dir (or `W2V_DATA_DIR`): `data_dir/ptb/ptb.train.txt` or
    `data_dir/ptb.train.txt`; without a folder, it is downloaded into the user's cache. Raises
    ConfigError for a split that there is not, and CorpusError if the folder does not hold it or the
    download fails.
    """
    if (name, split) not in FILES:
        splits = ", ".join(there for corpus, there in FILES if corpus == name)
        raise ConfigError(f"--dataset {name} has the splits {splits}, not {split} (--split)")
    return local_file(FILES[name, split], data_dir)


def local_file(download: Download, data_dir: str | Path | None = None) -> Path:
    """The local copy of a public file, found as `dataset_file` says. Raises CorpusError."""
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
