"""From findings to a grade that an inspector can defend: the scale's rule made probabilistic, with
reasons."""

from pipeline.grading.draft import grade
from pipeline.grading.policy import Policy

__all__ = ["Policy", "grade"]
