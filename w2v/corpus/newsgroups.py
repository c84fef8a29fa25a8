"""20 newsgroups: the posts without headers, footers and quotes, each as a sentence.

The posts are those of scikit-learn's `fetch_20newsgroups(shuffle=True, random_state=1,
remove=("headers", "footers", "quotes"))`, in its order: sorted by group and number, shuffled by its
loader with the seed 0, and then with the seed 1, as the Keras notebook asks.
"""

import tarfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy

from w2v.errors import CorpusError, import_extra

SEEDS = (0, 1)
BATCH = 1000  # posts that go out as one piece of text


def post_lines(files: Sequence[str], split: str) -> Iterator[bytes]:
    """The posts of a split as UTF-8, a line each; white space stands where a line ended.

    files: the archive, or the files of its unpacked folder. split: "train" or "test". Raises
    CorpusError for an archive that is damaged or holds no such post.
    """
    posts = _read_archive(files[0], split) if len(files) == 1 else _read_files(files)
    if not posts:
        raise CorpusError(f"{files[0]}: there are no posts of {folder_name(split)} in it")
    texts = [posts[place] for place in _order(sorted(posts))]
    for start in range(0, len(texts), BATCH):
        lines = (" ".join(_strip(text).split()) for text in texts[start : start + BATCH])
        yield "".join(f"{line}\n" for line in lines).encode()


def folder_name(split: str) -> str:
    """The folder of a split, in the archive and unpacked."""
    return f"20news-bydate-{split}"


def _read_archive(path: str, split: str) -> dict[tuple[str, ...], bytes]:
    """The posts by (group, number), read without unpacking anything to disk."""
    posts: dict[tuple[str, ...], bytes] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                place = PurePosixPath(member.name).parts[-3:]
                if len(place) == 3 and place[0] == folder_name(split) and member.isfile():
                    file = archive.extractfile(member)
                    assert file is not None  # as for every regular file
                    posts[place[1:]] = file.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise CorpusError(f"{path} is damaged, or no archive of posts: {error}") from error
    return posts


def _read_files(files: Iterable[str]) -> dict[tuple[str, ...], bytes]:
    try:
        return {Path(file).parts[-2:]: Path(file).read_bytes() for file in files}
    except OSError as error:
        raise CorpusError(f"{error.filename} cannot be read: {error.strerror}") from error


def _order(places: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    order = numpy.arange(len(places))
    for seed in SEEDS:
        shuffled = numpy.arange(len(places))
        numpy.random.RandomState(seed).shuffle(shuffled)
        order = order[shuffled]
    return [places[number] for number in order]


def _strip(post: bytes) -> str:
    """A post as scikit-learn decodes it, without its header, footer and quotes."""
    news = import_extra("sklearn.datasets._twenty_newsgroups", "--dataset 20newsgroups")
    text = post.decode("latin-1")
    for strip in (
        news.strip_newsgroup_header,
        news.strip_newsgroup_footer,
        news.strip_newsgroup_quoting,
    ):
        text = strip(text)
    return text
