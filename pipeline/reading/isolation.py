"""Reading in a process of its own, with bounds on memory and time that a file cannot reach around."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any, ClassVar, Self

from pipeline.reading.limits import Limits
from pipeline.reading.reader import read
from pipeline.report import Line, Page, Source, SpurError

SECONDS = 60.0
MEMORY = 1 << 30  # bytes of address space, of which an idle reader takes about a quarter
_FIELDS = tuple(f.name for f in fields(Line))
_ANSWER = 400_000_000  # characters: more than any answer within the default limits
_GREEDY = "filen kräver för mycket minne: spara om den från originalet"
_ROOT = Path(__file__).resolve().parents[2]
Work = Callable[[dict[str, Any], Limits], dict[str, Any]]


def _pack(source: Source) -> dict[str, Any]:
    pages = [[[getattr(line, f) for f in _FIELDS] for line in page.lines] for page in source.pages]
    return {"name": source.name, "format": source.format, "pages": pages}


def _unpack(raw: dict[str, Any]) -> Source:
    def line(values: list[Any]) -> Line:
        named = dict(zip(_FIELDS, values, strict=True))
        return Line(**{**named, "cell": tuple(named["cell"]) if named["cell"] else None})

    pages = tuple(Page(n, tuple(line(v) for v in lines)) for n, lines in enumerate(raw["pages"], 1))
    return Source(raw["name"], pages, raw["format"])


class IsolatedReader:
    """Reads files one by one in a child process, which is kept for the next file and replaced if it dies.

    For one thread at a time; use as a context manager. `memory` is bytes of address space for the child (not
    enforced on Windows and macOS), `seconds` bounds each file, on the wall and in computing time.

    A reader that does more than reading names its own `MODULE`, whose child calls `main` below.
    """

    MODULE: ClassVar[str] = "pipeline.reading.isolation"

    def __init__(self, limits: Limits | None = None, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._limits, self._seconds, self._memory = limits or Limits(), seconds, memory
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the child process."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    continue

    def _start(self) -> subprocess.Popen[str]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", self.MODULE, str(self._memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
                encoding="ascii",
            )
        return self._child

    def read(self, path: Path) -> Source:
        """As `pipeline.reading.read`. Raises SpurError also where the child runs out of memory or time."""
        return _unpack(self.exchange({"path": str(Path(path).resolve())}))

    def exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        """The child's answer to a request, to which the limits are added.

        Raises SpurError where it answers with an error, or runs out of memory or time.
        """
        request = {**request, "seconds": self._seconds, "limits": asdict(self._limits)}
        answer, late = self._ask(json.dumps(request))
        if not answer.endswith("\n"):
            self.close()
            why = "tar för lång tid att läsa" if late else "kräver för mycket minne eller är skadad"
            raise SpurError(f"filen {why}: spara om den från originalet, eller dela den i flera filer")
        parsed: dict[str, Any] = json.loads(answer)
        if parsed.pop("spent", False):
            self.close()
        if "error" in parsed:
            raise SpurError(parsed["error"])
        return parsed

    def _ask(self, request: str) -> tuple[str, bool]:
        """The child's answer, cut short where it died, and whether it was stopped for taking too long."""
        child = self._start()
        assert child.stdin and child.stdout
        late = threading.Event()

        def stop() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(self._seconds + 5, stop)  # the child needs a moment to start
        timer.start()
        try:
            child.stdin.write(request + "\n")
            child.stdin.flush()
            return child.stdout.readline(_ANSWER), late.is_set()
        except (OSError, ValueError):
            return "", late.is_set()
        finally:
            timer.cancel()


def read_isolated(
    path: Path, limits: Limits | None = None, seconds: float = SECONDS, memory: int = MEMORY
) -> Source:
    """As `pipeline.reading.read`, in a child process bounded in seconds and bytes of memory.

    For files from strangers. For many files keep one `IsolatedReader`: it starts its child only once.
    """
    with IsolatedReader(limits, seconds, memory) as reader:
        return reader.read(path)


# --- in the child ------------------------------------------------------------------------------


def _bound_memory(memory: int) -> None:
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):
            continue


def _bound_time(seconds: float) -> None:
    """Computing time from now on; the system ends the process that goes beyond."""
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _read(request: dict[str, Any], limits: Limits) -> dict[str, Any]:
    return _pack(read(Path(request["path"]), limits))


def _spent(memory: int) -> bool:
    """Whether less than half of `memory` can still be had: an idle reader takes a quarter of the default."""
    try:
        mmap.mmap(-1, memory // 2).close()
    except (OSError, MemoryError):
        return True
    return False


def _answer(line: str, memory: int, work: Work) -> dict[str, Any]:
    request = json.loads(line)
    _bound_time(request["seconds"])
    try:
        return work(request, Limits(**request["limits"]))
    except SpurError as e:
        return {"error": str(e)}
    except MemoryError:
        return {"error": _GREEDY, "spent": _spent(memory)}
    except Exception as e:  # whatever a hostile file provokes is that file's fault, and the next one is read
        if _spent(memory):  # then libraries fail with whatever error came to hand: ImportError, ValueError…
            return {"error": _GREEDY, "spent": True}
        return {"error": f"filen går inte att läsa ({type(e).__name__}): spara om den från originalet"}


def serve(requests: IO[str], answers: IO[str], memory: int, work: Work = _read) -> None:
    """Answers requests, one JSON object a line, until they end."""
    _bound_memory(memory)
    for line in requests:
        answers.write(json.dumps(_answer(line, memory, work)) + "\n")
        answers.flush()


def main(work: Work = _read) -> None:
    """What the child does: `work` on each request, until there are no more."""
    # what libraries print must not come between the answers
    with os.fdopen(os.dup(1), "w", encoding="ascii") as private:
        os.dup2(2, 1)
        serve(sys.stdin, private, int(sys.argv[1]), work)


if __name__ == "__main__":
    main()
