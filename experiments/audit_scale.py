"""An audit of many files with a cold cache: time, memory, and what `kill -9` halfway costs.

    python experiments/audit_scale.py --run baseline=2000 --run baseline=60 --run e5-small-sv=60 \
        --out experiments/audit-scale.md

Corpus reports are rendered as distinct files (format, layout, cover and the sentences' order within each section differ)
that state grades. For each --run MODEL=FILES, `spur audit` is a process of its own in a fresh SPUR_HOME: once unbroken;
once ended by SIGKILL when half of the drafts are in the cache, and then started again; once more with everything in
the cache. Memory is the proportional set size (PSS) of the process and its descendants, read twice a second. Needs Linux.

With --work FOLDER the files and the outcome of each finished trial stay there, and the command goes on from them.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import os
import platform
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from pipeline import catalogue as catalogues
from pipeline.corpus import render
from pipeline.corpus.grades import Told, reference
from pipeline.corpus.tsv import CorpusReport, read_all
from pipeline.report import SpurError

ROOT = Path(__file__).resolve().parents[1]
SEED = 20150808
AS_OF = "2025-01-31"
PAUSE = 0.5  # seconds between looks at a run
Marks = dict[str, tuple[int, int]]  # cached draft → (inode, time of writing)


# --- the files ---------------------------------------------------------------------------------


def variant(report: CorpusReport, number: int, names: Sequence[str], rng: random.Random) -> CorpusReport:
    """The report as another: of another unit and day, by other inspectors, each section's sentences in another order."""
    rows = list(report.rows)
    rng.shuffle(rows)
    sections = list(dict.fromkeys(r.section for r in report.rows))
    rows.sort(key=lambda r: sections.index(r.section))
    meta = {**report.meta, "namn": rng.choice(names)}
    return replace(report, id=f"{report.id}-{number:04d}", rows=tuple(rows), meta=meta)


def told(report: CorpusReport, catalogue: catalogues.Catalogue, rng: random.Random) -> dict[str, Told]:
    """The rule's grades; half of the D are regraded to C, as after an accepted plan."""
    grades = reference(report, catalogue)
    return {a: Told("D", "C") if t.before == "D" and rng.random() < 0.5 else t for a, t in grades.items()}


def make(folder: Path, number: int) -> int:
    """Writes `number` report files, unless they are there; how many contents are distinct."""
    if not folder.exists():
        _make(folder.with_suffix(".part"), number)
        folder.with_suffix(".part").rename(folder)
    return len({hashlib.sha256(p.read_bytes()).digest() for p in folder.iterdir()})


def _make(folder: Path, number: int) -> None:
    catalogue, reports = catalogues.load(), read_all([ROOT / "data" / "corpus"])
    rng = random.Random(SEED)
    rng.shuffle(reports)
    names = sorted({r.meta["namn"] for r in reports if r.meta.get("namn")})
    shapes = list(itertools.product(render.LAYOUTS, render.FORMATS))
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(number):
        turn, which = divmod(n, len(reports))
        layout, fmt = shapes[(which + turn) % len(shapes)]
        its = variant(reports[which], n, names, rng)
        grades = told(its, catalogue, rng)
        try:
            content = render.render(its, catalogue, fmt, layout, grades)
        except SpurError:  # a sign that the PDF's font lacks
            fmt = "docx"
            content = render.render(its, catalogue, fmt, layout, grades)
        (folder / f"{its.id}.{fmt}").write_bytes(content)


# --- a run and what it takes -------------------------------------------------------------------


def tree(pid: int) -> list[int]:
    """A process and its descendants that are alive."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        tasks = [p.read_text().split() for p in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    own = [] if state == "Z" else [pid]
    return [*own, *(d for children in tasks for c in children for d in tree(int(c)))]


def memory(pids: Sequence[int]) -> float:
    """MiB that the processes take together, what they share counted once (PSS)."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def drafts(home: Path) -> list[Path]:
    """The drafts that a run has put into its cache."""
    return list((home / "cache" / "audit").rglob("*.json.gz"))


def marks(home: Path) -> Marks:
    """What tells whether a cached draft has been written again."""
    stats = {p.name: p.stat() for p in drafts(home)}
    return {name: (s.st_ino, s.st_mtime_ns) for name, s in stats.items()}


@dataclass
class Run:
    """What one process took: `samples` are (seconds since its start, drafts in the cache, MiB)."""

    code: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    samples: list[tuple[float, int, float]] = field(default_factory=list)
    orphans: int = 0

    def peak(self, least: int = 0, most: float = float("inf")) -> float:
        """Most MiB while the cache held from `least` to less than `most` drafts."""
        return max((m for _, n, m in self.samples if least <= n < most), default=0.0)


def run(files: Path, out: Path, model: str, home: Path, until: int | None = None) -> Run:
    """`spur audit` as a process; with `until`, killed when its cache has that many drafts."""
    command = [sys.executable, "-m", "pipeline", "audit", str(files), "--out", str(out), "--model", model]
    env = {**os.environ, "SPUR_HOME": str(home)}
    made, used, begun = Run(), resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen([*command, "--as-of", AS_OF], cwd=ROOT, env=env)
    while process.poll() is None:
        alive, count = tree(process.pid), len(drafts(home))
        made.samples.append((time.monotonic() - begun, count, memory(alive)))
        if until is not None and count >= until:
            process.send_signal(signal.SIGKILL)
            process.wait()
            made.orphans = _left(alive)
            break
        time.sleep(PAUSE)
    made.code, made.seconds = process.returncode, time.monotonic() - begun
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    made.cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return made


def _left(pids: Sequence[int], patience: float = 15.0) -> int:
    """How many of the processes are still alive after a while."""
    end = time.monotonic() + patience
    while (left := [p for p in pids if p in tree(p)]) and time.monotonic() < end:
        time.sleep(PAUSE)
    return len(left)


# --- the trial of one model --------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """A model on a number of files. `each`: seconds between two drafts, over the whole of the unbroken run."""

    model: str
    files: int
    whole: Run
    killed: Run
    again: Run
    warm: Run
    each: float
    kept: int
    redone: int
    drafted: int
    parts: int
    same: bool


def trial(model: str, files: Path, number: int, folder: Path) -> Trial:
    """All runs of a model on one folder of files, or what they gave when they were done in this folder before."""
    done = folder / "trial.json"
    if done.is_file():
        return TypeAdapter(Trial).validate_json(done.read_bytes())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    outs = {n: folder / f"{n}.json" for n in ("whole", "again", "warm")}
    first, second = folder / "home-whole", folder / "home-broken"
    whole = run(files, outs["whole"], model, first)
    written = sorted(t for _, t in marks(first).values())
    killed = run(files, folder / "killed.json", model, second, until=number // 2)
    before = marks(second)
    again = run(files, outs["again"], model, second)
    after = marks(second)
    warm = run(files, outs["warm"], model, second)
    contents = [p.read_bytes() for p in outs.values() if p.is_file()]
    made = Trial(
        model,
        number,
        whole,
        killed,
        again,
        warm,
        each=(written[-1] - written[0]) / 1e9 / max(1, len(written) - 1),
        kept=len(before),
        redone=sum(after.get(name) != mark for name, mark in before.items()),
        drafted=len(after) - len(before),
        parts=len(list((second / "cache").rglob("*.part"))),
        same=len(contents) == len(outs) and len(set(contents)) == 1,
    )
    done.write_bytes(TypeAdapter(Trial).dump_json(made))
    return made


# --- the page ----------------------------------------------------------------------------------


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _head(*cells: str) -> list[str]:
    return [row(*cells), row(*["---"] * len(cells))]


def _times(trials: Sequence[Trial]) -> list[str]:
    lines = _head("model", "files", "wall", "a report", "against the first", "computing time", "all cached")
    for t in trials:
        first = next(x for x in trials if x.files == t.files)
        ratio = "" if first is t else f"{t.each / first.each:.1f} times"
        cells = (f"{t.whole.seconds:.0f} s", f"{t.each:.3f} s", ratio, f"{t.whole.cpu:.0f} s")
        lines.append(row(t.model, t.files, *cells, f"{t.warm.seconds:.0f} s"))
    return lines


def _memories(trials: Sequence[Trial]) -> list[str]:
    lines = _head(
        "model", "files", "to a tenth", "to the half", "to the last draft", "audit and writing", "peak"
    )
    for t in trials:
        n = t.files
        spans = (
            t.whole.peak(0, n / 10),
            t.whole.peak(n // 10, n / 2),
            t.whole.peak(n // 2, n),
            t.whole.peak(n),
        )
        lines.append(row(t.model, n, *(f"{m:.0f} MiB" for m in (*spans, t.whole.peak()))))
    return lines


def _breaks(trials: Sequence[Trial]) -> list[str]:
    lines = _head(
        "model", "files", "drafted before the kill", "after it", "sum", "drafted twice", "wall before + after",
        "unbroken", "same result", "processes left", "unfinished files left",
    )  # fmt: skip
    for t in trials:
        wall = f"{t.killed.seconds:.0f} + {t.again.seconds:.0f} s"
        lines.append(
            row(
                t.model, t.files, t.kept, t.drafted, t.kept + t.drafted, t.redone, wall, f"{t.whole.seconds:.0f} s",
                "yes" if t.same else "NO", t.killed.orphans, t.parts,
            )
        )  # fmt: skip
    return lines


def page(trials: Sequence[Trial], distinct: int, command: str) -> str:
    """The outcome as Markdown."""
    codes = sorted({r.code for t in trials for r in (t.whole, t.again, t.warm)})
    most = max(trials, key=lambda t: t.files)
    return "\n".join(
        [
            "# An audit of many files",
            "",
            f"Made by `{command}`,",
            f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, which others used too.",
            "",
            f"{most.files} files, {distinct} distinct contents, from the labelled corpus: PDF, DOCX, text and",
            "Markdown in three layouts, each with its own cover and order of sentences within sections, and with stated",
            "grades. A model on fewer files takes the first ones of the same set. Exit codes of the runs that were let end: "
            f"{', '.join(map(str, codes))}.",
            "",
            "## Time",
            "",
            "Cold cache, a fresh `SPUR_HOME`; «a report» is the mean time between two drafts, without start and audit.",
            "",
            *_times(trials),
            "",
            "## Memory",
            "",
            "Most that the process and its reader take together (PSS), by how far it has come: what grows with the number",
            "of files is the audit's own rows, not drafts or texts.",
            "",
            *_memories(trials),
            "",
            "## `kill -9` halfway",
            "",
            "Drafts are counted in the cache; «drafted twice» are those of before the kill that were written again after",
            "it. «Same result» compares the JSON byte by byte: unbroken, broken and started again, and all from the cache.",
            "",
            *_breaks(trials),
            "",
        ]
    )  # fmt: skip


def main() -> int:
    """0 where every draft was made once and broken runs gave the unbroken one's result."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--run", action="append", metavar="MODEL=FILES", dest="runs", required=True)
    parser.add_argument("--out", type=Path, help="Markdown file; else printed")
    parser.add_argument("--work", type=Path, help="folder for the files and runs, kept; else a temporary one")
    args = parser.parse_args()
    wanted = [(m, int(n)) for m, _, n in (r.rpartition("=") for r in args.runs)]
    sizes = sorted({n for _, n in wanted})
    command = " ".join(["python experiments/audit_scale.py", *(f"--run {r}" for r in args.runs)])
    with contextlib.ExitStack() as stack:
        work = args.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spur-scale-")))
        distinct = [make(work / f"files-{n}", n) for n in sizes][-1]
        trials = []
        for model, number in wanted:
            name = f"trial-{Path(model).name}-{number}"
            trials.append(trial(model, work / f"files-{number}", number, work / name))
            print("\n".join(_times(trials)[-1:] + _breaks(trials)[-1:]), file=sys.stderr, flush=True)
    told_ = page(trials, distinct, command)
    if args.out:
        args.out.write_text(told_, encoding="utf8")
    else:
        print(told_)
    whole = all(t.same and not t.redone and t.kept + t.drafted == t.files for t in trials)
    return 0 if whole and distinct == sizes[-1] else 1


if __name__ == "__main__":
    sys.exit(main())
