"""The labelled corpus: reading it, and printing it as report files."""
