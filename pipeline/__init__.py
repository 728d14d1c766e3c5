"""spur: SPUR reports in, graded drafts with their evidence out."""

__version__ = "0.1.0"
