"""Files in, lines out: one reader for each format behind one function. Knows nothing of SPUR."""

from pipeline.reading.characters import normalise
from pipeline.reading.files import MissingPathError, find
from pipeline.reading.isolation import IsolatedReader, read_isolated
from pipeline.reading.limits import Limits
from pipeline.reading.reader import read, read_bytes

__all__ = [
    "IsolatedReader",
    "Limits",
    "MissingPathError",
    "find",
    "normalise",
    "read",
    "read_bytes",
    "read_isolated",
]
