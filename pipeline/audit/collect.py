"""Where an audit's cases come from: files, drafted once each and kept in the cache, or the archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline import drafting
from pipeline.audit.cache import Cache
from pipeline.audit.case import Case, Cases
from pipeline.audit.tables import Metadata, stem, without_ending
from pipeline.drafting import Drafter, Outcome
from pipeline.report import Draft, Source


def ids(names: Sequence[str]) -> list[str]:
    """What reports are called: file names without ending; with it where two would be called the same."""
    short = [without_ending(n) for n in names]
    often = Counter(short)
    return [s if often[s] == 1 else n for s, n in zip(short, names, strict=True)]


def draft_files(
    files: Sequence[Path],
    drafter: Drafter,
    cache: Cache,
    read: Callable[[Path], Source],
    fresh: bool = False,
) -> Iterator[Outcome[str]]:
    """Drafts each file that the cache lacks and keeps it there; each outcome's result is the key.

    What is in the cache already comes first, then the others as they are done; files of one content are drafted once.
    `fresh` drafts everything again.
    """
    todo: dict[str, list[Path]] = {}
    for path in files:
        try:
            key = cache.key(path)
        except OSError as e:
            yield Outcome(
                path, error=f"kan inte läsas ({e.strerror}): kontrollera filen och dess rättigheter"
            )
            continue
        if not fresh and cache.get(key) is not None:
            yield Outcome(path, key)
        else:
            todo.setdefault(key, []).append(path)
    first = {paths[0]: key for key, paths in todo.items()}
    for outcome in drafting.each(list(first), drafter.draft, read) if first else ():
        key = first[outcome.path]
        if outcome.result is not None:
            cache.put(key, outcome.result)
        for path in todo[key]:
            yield Outcome(path, key if outcome.result is not None else None, outcome.error)


def of_files(files: Sequence[Path], keys: Mapping[Path, str], cache: Cache, metadata: Metadata) -> Cases:
    """The cases of files that have been drafted, in the order of `files`, read from the cache each time."""
    done = [f for f in files if f in keys]
    names = drafting.names(files)
    called = dict(zip(done, ids([names[f] for f in done]), strict=True))

    def cases() -> Iterator[Case]:
        for path in done:
            draft = cache.get(keys[path])
            if draft is not None:  # removed meanwhile by somebody else
                yield _case(draft, names[path], called[path], metadata)

    return cases


def _case(
    draft: Draft, name: str, called: str, metadata: Metadata, known: Mapping[str, str] | None = None
) -> Case:
    draft = replace(drafting.named(draft, name), text="")
    return Case(called, draft, {**(known or {}), **metadata.get(called, metadata.get(stem(name), {}))})


def same_content(files: Sequence[Path], keys: Mapping[Path, str]) -> list[tuple[Path, ...]]:
    """Files that have the same content: an audit would count them twice."""
    groups: dict[str, list[Path]] = {}
    for path in files:
        if path in keys:
            groups.setdefault(keys[path], []).append(path)
    return [tuple(g) for g in groups.values() if len(g) > 1]


def of_archive(
    names: Sequence[str],
    drafts: Callable[[], Iterator[tuple[Draft, Mapping[str, str]]]],
    metadata: Metadata,
) -> Cases:
    """The cases of an archive: `drafts` gives (draft, what is known) in the order of `names`, each time anew."""
    called = ids(names)

    def cases() -> Iterator[Case]:
        for name, its, (draft, known) in zip(names, called, drafts(), strict=True):
            yield _case(draft, name, its, metadata, known)

    return cases
