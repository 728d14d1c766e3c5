"""Sentences out to annotation tools and back: chosen, pseudonymised, in the tools' own formats, with agreement."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.annotation.argilla import Argilla
from pipeline.annotation.base import Annotated, Annotation, Format, Suggestion, Task
from pipeline.annotation.doccano import Doccano
from pipeline.annotation.labelstudio import LabelStudio
from pipeline.annotation.prodigy import Prodigy

__all__ = ["FORMATS", "Annotated", "Annotation", "Format", "Suggestion", "Task"]

FORMATS: Mapping[str, Format] = {f.name: f for f in (LabelStudio(), Doccano(), Argilla(), Prodigy())}
