"""From a text to an encoded corpus, in one pass and on all cores, or from the cache.

One thread reads and unpacks blocks of text, a pool of threads splits them, and the main thread
takes the results in order, so that the ids do not depend on how many threads there are.
"""

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from w2v.config import TextConfig, option_name
from w2v.corpus import cache, encoded_corpus, newsgroups
from w2v.corpus.blocks import text_blocks
from w2v.corpus.cleaning import Cleaning
from w2v.corpus.encoded_corpus import EncodedCorpus, Header
from w2v.corpus.remarks import LOOKED_AT, SEGMENT_FIRST, is_without_spaces
from w2v.corpus.sentences import batch_lines, batch_sentences
from w2v.corpus.short_sentences import without_short
from w2v.corpus.sizes import USUAL, Sizes
from w2v.corpus.sources import Note, describe, find_files
from w2v.corpus.stream_builder import StreamBuilder
from w2v.corpus.tokenize import Block, number_tokens, split_text
from w2v.corpus.vocabulary import Vocabulary
from w2v.errors import CorpusError, OutputError
from w2v.files import unnamed
from w2v.parallel import in_order, read_ahead, useful_threads

Task = Callable[[], Block]

READ_AHEAD = 1  # blocks of text that wait to be split


@dataclass(frozen=True)
class _Job:
    """What encoding a text needs beside the text. name: what messages call it."""

    name: str
    config: TextConfig
    note: Note
    threads: int
    sizes: Sizes

    @property
    def options(self) -> dict[str, Any]:
        """What the ids depend on, for the header and the cache's key."""
        return cache.text_options(self.config)


def _nobody(line: str) -> None:
    """What is noted where nobody listens."""


def encode_files(
    sources: Sequence[str | Path],
    config: TextConfig,
    note: Note = _nobody,
    threads: int | None = None,
    sizes: Sizes = USUAL,
) -> EncodedCorpus:
    """Encode files, folders and stdin ("-") as one text, in the order given.

    An earlier result is used again if the files and options are the same, and the result is kept
    in the cache, unless `config.cache` is off or a source is not a regular file. note: is told, in
    a line each, what is skipped, pruned or found in the cache. threads: at most, and
    by default, a thread for each core. Raises CorpusError, ConfigError and OutputError.
    """
    cleaning = Cleaning.of(config)
    files, options = find_files(sources, note), cache.text_options(config)
    job = _Job(describe(sources), config, note, useful_threads(threads), sizes)
    place = cache.place_for(sources, options)
    is_regular = all(file != "-" and os.path.isfile(file) for file in files)
    is_kept = config.cache and is_regular
    if is_kept and (corpus := cache.look_up(place, files, options, note)):
        note(f"{job.name}: encoded before and not changed since ({place})")
        return corpus

    def encode(place: Path | None, named: Sequence[str] = ()) -> EncodedCorpus:
        blocks = _blocks(files, job)
        if is_regular:  # a thread that waits for a pipe could not be interrupted
            blocks = read_ahead(blocks, READ_AHEAD)
        tasks = (partial(split_text, block, cleaning) for block in blocks)
        return _encode(tasks, job, place, named)

    if is_kept:
        try:
            return encode(place, files)
        except OutputError as error:  # a full disk, say: there may be room elsewhere
            note(f"the encoded text is not kept ({error}): set W2V_CACHE_DIR to a folder for it")
    return encode(None)


def encode_sentences(
    sentences: Iterable[Any],
    config: TextConfig,
    note: Note = _nobody,
    threads: int | None = None,
    name: str = "the corpus",
    sizes: Sizes = USUAL,
    lines: bool = False,
) -> EncodedCorpus:
    """Encode sentences that are lists of words, which are cleaned but not split at white space.

    name: what an error calls the text. lines: a sentence may also be a string, which is split as a
    line of a file. The rest is as in `encode_files`; nothing is kept.
    """
    cleaning = Cleaning.of(config)
    tasks: Iterable[Task]
    if cleaning.split_line is not None:
        blocks = batch_lines(sentences, sizes.block)
        tasks = (partial(split_text, block, cleaning) for block in blocks)
    else:
        batches = batch_sentences(sentences, sizes.batch, lines)
        tasks = (partial(number_tokens, batch, cleaning) for batch in batches)
    job = _Job(name, config, note, useful_threads(threads), sizes)
    return _encode(tasks, job)


def _blocks(files: Sequence[str], job: _Job) -> Iterator[bytes]:
    if job.config.dataset == "20newsgroups":
        return newsgroups.post_lines(files, job.config.split)
    return text_blocks(files, job.config, job.sizes.block, job.note)


def _encode(
    tasks: Iterable[Task], job: _Job, place: Path | None = None, files: Sequence[str] = ()
) -> EncodedCorpus:
    """Encode blocks into a file: at `place` in the cache, or without a name.

    files: those that the header should name; none for a file that is not kept.
    """
    threads = job.threads
    opened = cache.writing(place) if place else unnamed()
    with opened as file, ThreadPoolExecutor(threads) as pool:
        stamps = [cache.stamp(source) for source in files]
        hashes = [pool.submit(cache.file_hash, source) for source in files]
        results = partial(in_order, pool, ahead=threads + 2)
        stream = StreamBuilder(file, job.config.max_vocab, results, job.sizes)
        vocabulary = _build(stream, in_order(pool, tasks, threads + 2), job)
        sources = cache.as_read(stamps, [future.result() for future in hashes])
        header = Header(
            job.options,
            sources,
            stream.length,
            len(vocabulary),
            stream.pruned,
            *stream.read,
        )
        encoded_corpus.finish_file(file, vocabulary, header)
        file.flush()
        return encoded_corpus.map_written(file, place, vocabulary, header)


def _build(stream: StreamBuilder, blocks: Iterable[Block], job: _Job) -> Vocabulary:
    """Put all blocks into the stream; returns its vocabulary. Raises CorpusError without words."""
    config = job.config
    if config.min_sentence > 1:
        blocks = without_short(blocks, config.min_sentence)
    for block in blocks:
        stream.add(block)
    vocabulary = stream.finish(config.min_count, config.max_vocab, config.vocab_order)
    is_unsegmented = is_without_spaces(stream.words.slice(2, LOOKED_AT).to_pylist())
    if is_unsegmented:
        job.note(f"{job.name}: {SEGMENT_FIRST}")
    _check_not_empty(vocabulary, stream, job, is_unsegmented)
    if stream.pruned:
        job.note(
            f"{job.name}: more than {stream.limit:,} distinct words: on the way, words seen up to "
            f"{stream.pruned:,} times were dropped"
        )
    return vocabulary


def _check_not_empty(
    vocabulary: Vocabulary, stream: StreamBuilder, job: _Job, is_unsegmented: bool
) -> None:
    config, name = job.config, job.name
    if stream.is_empty:
        used = [
            option_name(field.name)
            for field in dataclasses.fields(TextConfig)
            if field.metadata["drops_words"] and getattr(config, field.name) != field.default
        ]
        if used:
            raise CorpusError(
                f"{name}: no words are left after {', '.join(used)}: ask for less of it"
            )
        raise CorpusError(f"{name}: there are no words in it; use a longer text")
    if len(vocabulary) == 0 and is_unsegmented:
        raise CorpusError(f"{name}: {SEGMENT_FIRST}")
    if len(vocabulary) == 0:
        raise CorpusError(
            f"{name}: no word occurs {config.min_count} times; lower --min-count or use a longer "
            "text"
        )
