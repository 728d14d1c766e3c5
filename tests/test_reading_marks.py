"""Which line of a printed scale is the marked one, however the mark is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from reading_files import draw, marked
from reportlab.lib.utils import ImageReader

from pipeline.reading import read

SCALE = [f"{g} enligt skalans ordalydelse för {g}" for g in "ABCD"]
CHOSEN = 2  # C
Mark = Callable[[Any, float, bool], None]  # canvas, baseline, whether this is the chosen line


def tick_in_box(c: Any, y: float, on: bool) -> None:
    c.rect(60, y, 8, 8)
    if on:
        c.line(61, y + 4, 63, y + 1)
        c.line(63, y + 1, 67, y + 7)


def cross_in_box(c: Any, y: float, on: bool) -> None:
    c.rect(60, y, 8, 8)
    if on:
        c.line(60, y, 68, y + 8)
        c.line(60, y + 8, 68, y)


def lone_tick(c: Any, y: float, on: bool) -> None:
    if on:
        path = c.beginPath()
        path.moveTo(60, y + 4)
        path.lineTo(63, y)
        path.lineTo(69, y + 8)
        c.drawPath(path)


def filled_box(c: Any, y: float, on: bool) -> None:
    c.rect(60, y, 8, 8, fill=int(on))


def white_box(c: Any, y: float, on: bool) -> None:
    c.setFillGray(0 if on else 1)
    c.rect(60, y, 8, 8, fill=1)
    c.setFillGray(0)


def only_filled_box(c: Any, y: float, on: bool) -> None:
    if on:
        c.rect(60, y, 8, 8, fill=1, stroke=0)


def radio(c: Any, y: float, on: bool) -> None:
    c.circle(64, y + 4, 4, fill=int(on))


def radio_with_dot(c: Any, y: float, on: bool) -> None:
    c.circle(64, y + 4, 4)
    if on:
        c.circle(64, y + 4, 2, fill=1)


def rounded_box(c: Any, y: float, on: bool) -> None:
    c.roundRect(60, y, 8, 8, 2, fill=int(on))


def ring_round_the_letter(c: Any, y: float, on: bool) -> None:
    if on:
        c.ellipse(74, y - 4, 92, y + 12)


def dingbats(c: Any, y: float, on: bool) -> None:
    c.setFont("ZapfDingbats", 11)
    c.drawString(60, y, "✔" if on else "❏")
    c.setFont("Helvetica", 11)


def letters(c: Any, y: float, on: bool) -> None:
    c.drawString(56, y, "[x]" if on else "[ ]")


def highlight(c: Any, y: float, on: bool) -> None:
    if on:
        c.setFillColorRGB(1, 1, 0.3)
        c.rect(76, y - 3, 260, 14, fill=1, stroke=0)
        c.setFillGray(0)


def picture(c: Any, y: float, on: bool) -> None:
    image = Image.new("L", (12, 12), 255)
    if on:
        image.paste(0, (3, 3, 9, 9))
    c.drawImage(ImageReader(image), 60, y, 8, 8)


def form_box(c: Any, y: float, on: bool) -> None:
    c.acroForm.checkbox(checked=on, x=58, y=y, size=10, name=f"box{y}")


def form_radio(c: Any, y: float, on: bool) -> None:
    c.acroForm.radio(name="grad", value=f"v{y:.0f}", selected=on, x=58, y=y, size=10)


def form_text(c: Any, y: float, on: bool) -> None:
    c.acroForm.textfield(name=f"t{y}", value="X" if on else "", x=54, y=y - 2, width=14, height=14)


def scale(c: Any, mark: Mark, chosen: int | None) -> None:
    c.setFont("Helvetica", 11)
    c.drawString(70, 790, "Gradering")
    for i, row in enumerate(SCALE):
        mark(c, 760 - 18 * i, i == chosen)
        c.setFillGray(0)
        c.drawString(78, 760 - 18 * i, row)
    c.drawString(70, 650, "Styrkor")


@pytest.mark.parametrize(
    "mark",
    [tick_in_box, cross_in_box, lone_tick, filled_box, white_box, only_filled_box, radio, radio_with_dot,
     rounded_box, ring_round_the_letter, dingbats, letters, highlight, picture, form_box, form_radio,
     form_text],
)  # fmt: skip
def test_the_chosen_line_is_marked(tmp_path: Path, mark: Mark) -> None:
    source = read(draw(tmp_path / "a.pdf", lambda c: scale(c, mark, CHOSEN)))
    (found,) = marked(source)
    assert SCALE[CHOSEN] in found


@pytest.mark.parametrize(
    "mark",
    [tick_in_box, filled_box, white_box, radio, rounded_box, dingbats, letters, picture, form_box, highlight],
)
def test_an_unmarked_scale_has_no_marked_line(tmp_path: Path, mark: Mark) -> None:
    assert marked(read(draw(tmp_path / "a.pdf", lambda c: scale(c, mark, None)))) == []


def test_bullets_and_rules_are_no_marks(tmp_path: Path) -> None:
    def paint(c: Any) -> None:
        for i in range(6):
            c.circle(64, 764 - 18 * i, 2, fill=1)
            c.drawString(78, 760 - 18 * i, f"Punkt nummer {i} i listan")
            c.setLineWidth(0.5)
            c.line(60, 756 - 18 * i, 500, 756 - 18 * i)

    assert marked(read(draw(tmp_path / "a.pdf", paint))) == []


def test_a_tick_in_a_table_row_marks_all_lines_of_the_row(tmp_path: Path) -> None:
    def paint(c: Any) -> None:
        c.grid([60, 90, 400], [780, 740, 700])
        for top in (780, 740):
            c.drawString(96, top - 15, f"Föreskrifterna följs, första raden {top}")
            c.drawString(96, top - 30, f"andra raden {top}")
        cross_in_box(c, 756, False)
        cross_in_box(c, 716, True)

    assert marked(read(draw(tmp_path / "a.pdf", paint))) == [
        "Föreskrifterna följs, första raden 740",
        "andra raden 740",
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["( ) A", "(x) B", "( ) D"], ["(x) B"]),
        (["☐ A", "☒ B", "☐ D"], ["☒ B"]),
        (["A ○", "B ●", "D ○"], ["B ●"]),
        (["■ A", "□ B", "□ D"], ["■ A"]),
        (["● punkt", "● punkt två", "● punkt tre"], []),
        (["A text", "B text ✓", "D text"], ["B text ✓"]),
        (["xerox", "kontakt x-ray", "max"], []),
        (["A   X", "B", "D"], ["A   X"]),
    ],
)
def test_ticked_signs_in_text(tmp_path: Path, rows: list[str], expected: list[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(rows), encoding="utf-8")
    assert marked(read(path)) == expected
