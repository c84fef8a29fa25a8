"""Corpora by name: the file or folder of a named corpus, from a folder or downloaded once."""

from pathlib import Path

from w2v.downloads import Download, local_file
from w2v.errors import ConfigError

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
