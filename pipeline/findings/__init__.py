"""Sentences in, findings out: which criteria a sentence tells of, and with which status."""

from pipeline.findings.base import FindingsModel, SentenceInput, decide

__all__ = ["FindingsModel", "SentenceInput", "decide"]
