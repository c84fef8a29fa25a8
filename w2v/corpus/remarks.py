"""What a user should know of a text that was encoded."""

import re
from collections.abc import Sequence

from w2v.config import TextConfig
from w2v.corpus.encoded_corpus import EncodedCorpus

LOOKED_AT = 2000  # words of the vocabulary that show whether a text has spaces
LONG = 0.25  # of them that are too long for words
# Scripts that are written without spaces: Thai, Lao, Tibetan, Burmese, Khmer, kana and Han. A word
# of theirs is seldom so long.
_RUN = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{7}")

SEGMENT_FIRST = (
    "it is written without spaces, so that whole sentences are taken for words: cut it into words "
    "by --tokenizer python:MODULE:FUNCTION, such as python:jieba:lcut for Chinese"
)


def is_without_spaces(words: Sequence[str]) -> bool:
    """Whether these are pieces of sentences in a script that does not set words apart.

    >>> is_without_spaces(["今天天气很好我们去公园"]), is_without_spaces(["今天", "天气"])
    (True, False)
    """
    return sum(bool(_RUN.search(word)) for word in words) > LONG * len(words)


def what_was_left_out(text: EncodedCorpus, config: TextConfig) -> str | None:
    """The words read, kept and left out as too rare; None if none was, or it is not known."""
    words, distinct = text.read_words, text.read_distinct
    kept, vocabulary = text.words, len(text.vocabulary)
    if words <= kept:
        return None
    limits = [f"--min-count {config.min_count}"] if config.min_count > 1 else []
    limits += [] if config.max_vocab is None else [f"--max-vocab {config.max_vocab}"]
    return (
        f"read {words:,} words ({distinct:,} distinct), kept {kept:,} ({vocabulary:,}), left out "
        f"{words - kept:,} ({distinct - vocabulary:,}) by {' and '.join(limits) or 'pruning'}"
    )
