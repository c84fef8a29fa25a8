"""Stop words: the English list, and lists in files."""

from w2v.errors import ConfigError
from w2v.text_files import read_text

# The 179 words of NLTK's `stopwords.words("english")` as it was until 2024: those of Porter's
# Snowball project, with the pieces into which tokenizers cut contractions. Written down here
# because NLTK keeps its lists outside its package, as a download.
_ENGLISH = """
i me my myself we our ours ourselves you you're you've you'll you'd your yours yourself
yourselves he him his himself she she's her hers herself it it's its itself they them their
theirs themselves
what which who whom this that that'll these those
am is are was were be been being have has had having do does did doing
a an the and but if or because as until while
of at by for with about against between into through during before after above below to from
up down in out on off over under
again further then once here there when where why how
all any both each few more most other some such no nor not only own same so than too very
s t can will just don don't should should've now d ll m o re ve y
ain aren aren't couldn couldn't didn didn't doesn doesn't hadn hadn't hasn hasn't haven haven't
isn isn't ma mightn mightn't mustn mustn't needn needn't shan shan't shouldn shouldn't
wasn wasn't weren weren't won won't wouldn wouldn't
"""
ENGLISH = frozenset(_ENGLISH.split())


def read_stop_words(name: str) -> frozenset[str]:
    """`ENGLISH` for "english", else the words of a UTF-8 file, with white space between them.

    Raises ConfigError if the file cannot be read or holds no word.
    """
    if name == "english":
        return ENGLISH
    try:
        words = frozenset(read_text(name, ConfigError).split())
    except ConfigError as error:
        raise ConfigError(f"--stop-words: {error}; name a file of words, or english") from error
    if not words:
        raise ConfigError(f"--stop-words {name}: there are no words in it")
    return words
