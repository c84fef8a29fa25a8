"""Public evaluation sets by name, from a folder or downloaded once.

The files are those that gensim's tests use, in gensim's repository.
"""

from pathlib import Path

from w2v.downloads import Download, local_file
from w2v.errors import InputError

_URL = "https://raw.githubusercontent.com/piskvorky/gensim/develop/gensim/test/test_data/"

# name of the set -> file and its SHA-256
_FILES = {
    "analogies": {
        # Mikolov et al. 2013a; Apache 2.0, as word2vec is
        "google": (
            "questions-words.txt",
            "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
        ),
    },
    "pairs": {
        # Finkelstein et al. 2002
        "wordsim353": (
            "wordsim353.tsv",
            "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
        ),
        # Hill, Reichart and Korhonen 2015
        "simlex999": (
            "simlex999.txt",
            "d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d",
        ),
    },
}
SETS = {
    kind: {name: Download("", file, _URL + file, sha256) for name, (file, sha256) in sets.items()}
    for kind, sets in _FILES.items()
}
"""The sets of each kind, "analogies" and "pairs", by name."""


def evaluation_file(kind: str, name: str | Path, data_dir: str | Path | None = None) -> Path:
    """The local file of an evaluation set, or of a path.

    kind: "analogies" or "pairs". name: a set of that kind, looked for in data_dir (or
    `W2V_DATA_DIR`) and downloaded where there is no such folder; or a path. Raises InputError
    where there is no such file, CorpusError where a set cannot be had.
    """
    sets = SETS[kind]
    if str(name) in sets:
        return local_file(sets[str(name)], data_dir)
    path = Path(name)
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise InputError(f"{path} {what}: name a file of {kind}, or one of {', '.join(sets)}")
    return path
