"""Simulated people drafting reports against a running server, all at once; what came of it, as Markdown.

    spur serve --port 8123 &
    python experiments/load.py http://127.0.0.1:8123 --people 20 --minutes 2 --out experiments/web-load.md

Each person goes on as an inspector does: uploads a report (a PDF, DOCX, TXT or Markdown example under a name of its own),
asks for suggestions while writing, corrects a finding and a grade, searches, reads it again, and thinks for a while. At
the end every report that was answered is fetched again and must be as it was left. Nothing may fail; a 503 is an error too.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

EXAMPLES = Path(__file__).resolve().parents[1] / "data" / "examples"


@dataclass
class Account:
    """What happened: seconds by kind of request, errors, and what every report should be."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, client: httpx.Client, kind: str, method: str, path: str, **more: Any) -> Any:
        """One request; its JSON, or None where it failed."""
        begun = time.monotonic()
        try:
            answer = client.request(method, path, **more)
            fault = "" if answer.is_success else f"{answer.status_code} {answer.text[:200]}"
        except httpx.HTTPError as e:
            answer, fault = None, f"{type(e).__name__}: {e}"
        took = time.monotonic() - begun
        with self.lock:
            self.seconds[kind].append(took)
            if fault:
                self.errors.append(f"{kind}: {fault}")
        return None if fault or answer is None else answer.json()


def _files() -> list[Path]:
    return sorted(p for p in EXAMPLES.rglob("*") if p.suffix in (".pdf", ".docx", ".txt", ".md"))


def _round(client: httpx.Client, account: Account, person: int, number: int, dice: random.Random) -> None:
    path = dice.choice(_files())
    name = f"person-{person}-{number}{path.suffix}"
    told = account.ask(client, "upload", "POST", "/api/v1/reports", files={"file": (name, path.read_bytes())})
    if told is None:
        return
    key, draft = told["id"], told["draft"]
    if draft["report"]["file"] != name:
        account.errors.append(f"upload: answered {draft['report']['file']} for {name}")
    sections: dict[str, str] = defaultdict(str)
    for s in draft["sentences"]:
        sections[s["section"]] += s["text"] + " "
    for words in (3, 6, 9):  # suggestions follow as one writes
        so_far = {"E": " ".join((sections["E"] or "Handledning ges.").split()[: words * 8])}
        account.ask(client, "suggestion", "POST", "/api/v1/suggestions", json={"sections": so_far})
    corrected = f"/api/v1/reports/{key}/corrections"
    sentence = dice.randrange(len(draft["sentences"]))
    said = {
        "target": "finding",
        "sentence": sentence,
        "criterion": "E.F6",
        "status": dice.choice(["met", "unmet"]),
    }
    made = account.ask(client, "correction", "POST", corrected, json=said)
    grade = {"target": "grade", "area": "E", "grade": dice.choice("ABCD"), "comment": name}
    given = account.ask(client, "correction", "POST", corrected, json=grade)
    account.ask(client, "search", "GET", "/api/v1/search", params={"q": "handledare", "limit": 20})
    now = account.ask(client, "read", "GET", f"/api/v1/reports/{key}")
    if now is not None and made and given:
        if now["draft"]["areas"]["E"]["suggested_grade"] != grade["grade"]:
            account.errors.append(f"correction: the grade of {key} is not the one that was given")
        with account.lock:
            account.kept[key] = now


def _person(url: str, account: Account, person: int, until: float, pause: float) -> None:
    dice = random.Random(person)
    with httpx.Client(base_url=url, timeout=600) as client:
        number = 0
        while time.monotonic() < until:
            _round(client, account, person, number, dice)
            number += 1
            time.sleep(dice.uniform(0, 2 * pause))


def _lost(url: str, account: Account) -> list[str]:
    lost = []
    with httpx.Client(base_url=url, timeout=600) as client:
        for key, told in account.kept.items():
            answer = client.get(f"/api/v1/reports/{key}")
            if not answer.is_success or answer.json() != told:
                lost.append(key)
    return lost


def table(account: Account, lost: list[str], args: argparse.Namespace, health: dict[str, Any]) -> str:
    """The result as Markdown."""
    rows = []
    for kind, seconds in account.seconds.items():
        ordered = sorted(seconds)
        p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        rows.append(
            f"| {kind} | {len(ordered)} | {statistics.median(ordered):.2f} | {p95:.2f} | {ordered[-1]:.2f} |"
        )
    model = f"{health['model']['name']} {health['model']['version']}"
    return "\n".join(
        [
            "# The web workbench under load",
            "",
            f"`python experiments/load.py URL --people {args.people} --minutes {args.minutes:g} --pause {args.pause:g}`, "
            f"{datetime.now(UTC):%Y-%m-%d}, model {model}, {platform.machine()}, server and people on the same "
            f"{args.cores} cores.",
            "",
            f"{args.people} people at once for {args.minutes:g} minutes: {len(account.kept)} reports drafted, corrected and "
            f"fetched again; {len(account.errors)} errors; {len(lost)} lost or changed.",
            "",
            "| request | count | median s | 95 % s | most s |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            *(f"- {e}" for e in account.errors[:20]),
        ]
    ).rstrip() + "\n"  # fmt: skip


def main() -> int:
    """0 where nothing failed and nothing was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument(
        "--pause", type=float, default=1.0, help="seconds that one thinks between reports, mean"
    )
    parser.add_argument("--cores", type=int, default=2, help="that the server has, for the record")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    account, until = Account(), time.monotonic() + 60 * args.minutes
    people = [
        threading.Thread(target=_person, args=(args.url, account, n, until, args.pause))
        for n in range(args.people)
    ]
    for person in people:
        person.start()
    for person in people:
        person.join()
    health = httpx.get(f"{args.url}/api/v1/health").json()
    lost = _lost(args.url, account)
    told = table(account, lost, args, health)
    if args.out:
        args.out.write_text(told, encoding="utf8")
    print(told)
    return 1 if account.errors or lost or not account.kept else 0


if __name__ == "__main__":
    sys.exit(main())
