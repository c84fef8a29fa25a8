"""The files of vectors in a run's folder."""

from pathlib import Path

from w2v.errors import ModelFileError
from w2v.vectors.formats.files import PathName


def newest_of_run(folder: PathName) -> PathName:
    """The newest file of vectors in a run's folder: a checkpoint, or what it wrote at its end."""
    of_run = [*Path(folder).glob("checkpoint-*.safetensors"), Path(folder, "vectors.safetensors")]
    found = [path for path in of_run if path.is_file()]
    if not found:
        raise ModelFileError(
            f"{folder} is a folder without vectors: name a file, or the folder of a run that has a "
            "checkpoint"
        )
    return max(found, key=lambda path: path.stat().st_mtime_ns)
