"""Sentences of the archive by their words, their meaning, and what is known of them."""

from pipeline.search.filters import Filters
from pipeline.search.find import Hit, Way, search
from pipeline.search.meaning import SentenceVectors, vectors_of

__all__ = ["Filters", "Hit", "SentenceVectors", "Way", "search", "vectors_of"]
