"""The report templates that are imitated: content in, document out."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from pipeline.catalogue import Catalogue
from pipeline.corpus.content import Content
from pipeline.corpus.document import Document
from pipeline.corpus.layouts import extracted, listed, older

Layout = Callable[[Content, Catalogue, random.Random], Document]

LAYOUTS: Mapping[int, Layout] = {1: listed.compose, 2: extracted.compose, 3: older.compose}
