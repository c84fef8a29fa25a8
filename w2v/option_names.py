"""Names of options that are not ours: gensim's, and those that are spelt wrong."""

import difflib
from collections.abc import Iterable

from w2v.config import TrainConfig

# Names that other tools have for our options, without - and _: gensim's, word2vec.c's, fastText's,
# and those that people try.
_OTHER_NAMES = {
    "dim": "vectorsize size dims dimension dimensions embeddingsize embeddingdim layer1size",
    "model": "sg cbow skipgram algorithm architecture",
    "threads": "workers nworkers njobs numthreads thread numworkers",
    "lr": "alpha learningrate startalpha",
    "min_lr": "minalpha endalpha",
    "epochs": "iter iters nepochs numepochs epoch iterations",
    "max_vocab": "maxfinalvocab maxvocabsize vocabsize",
    "vocab_order": "sortedvocab",
    "fixed_window": "shrinkwindows",
    "window": "ws windowsize contextsize",
    "negative": "neg negativesamples nnegative numsampled",
    "min_count": "mincount minfreq minwordcount mincounts",
    "sample": "subsample subsampling",
    "lowercase": "lower uncased",
    "analogies": "analogy",
}
_OTHERS = {other: ours for ours, others in _OTHER_NAMES.items() for other in others.split()}
_NOT_HERE = "hs cbowmean batchwords hashfxn trimrule computeloss callbacks minn maxn bucket"
_CORPUS = "sentences corpusfile corpusiterable input train text texts documents"


def meant(name: str) -> str | None:
    """The field that another tool's name of an option stands for: `vector_size` -> "dim"."""
    return _OTHERS.get(name.replace("-", "").replace("_", "").lower())


def nearest(name: str, known: Iterable[str]) -> str:
    """' (did you mean X?)' for the known name that `name` stands for elsewhere or is closest to.

    '' where there is none, and what to do for what has no counterpart here.
    """
    plain = name.replace("-", "").replace("_", "").lower()
    if (ours := meant(name)) is not None:
        choices = TrainConfig.__dataclass_fields__[ours].metadata["choices"]
        of = f", one of {', '.join(choices)}" if choices else ""
        return f" (did you mean {ours}{of}?)"
    if plain in _CORPUS.split():
        return " (did you mean the corpus, which comes first and has no name?)"
    if plain in _NOT_HERE.split():
        return " (nothing here is like it: leave it out)"
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
