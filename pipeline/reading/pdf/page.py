"""What stands on a PDF page: glyphs, drawn shapes and images, in points from the top left corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pdfminer.converter import PDFLayoutAnalyzer
from pdfminer.layout import LTCurve, LTFigure, LTImage, LTLine, LTRect
from pdfminer.pdfcolor import PDFColorSpace
from pdfminer.pdffont import PDFFont, PDFUnicodeNotDefined
from pdfminer.pdfinterp import PDFGraphicState, PDFResourceManager, PDFTextState
from pdfminer.pdfpage import PDFPage
from pdfminer.pdftypes import PDFStream
from pdfminer.utils import Matrix, apply_matrix_rect

from pipeline.reading.characters import REPLACEMENT, sign, sign_font
from pipeline.reading.limits import Budget, too_large_inside
from pipeline.reading.pdf.bounded import BoundedInterpreter

RGB = tuple[float, float, float]
_BOLD = ("bold", "black", "heavy", "semibold", "demi", "fett")
_FORCE_BOLD = 1 << 18
ASLANT = 45  # stands for any angle between
_STROKED = 2  # text rendering mode: filled and stroked, an imitation of bold


@dataclass(slots=True)
class Glyph:
    text: str
    x0: float
    x1: float
    top: float
    bottom: float
    base: float  # of the baseline
    size: float
    bold: bool
    colour: str | None
    angle: int = 0  # of the writing, counterclockwise: 0, 90, 180, 270, or ASLANT


@dataclass(slots=True)
class Shape:
    """A painted path, or an image (`kind` "image", told apart by `key`)."""

    kind: Literal["line", "rect", "round", "path", "image", "highlight", "widget"]
    x0: float
    top: float
    x1: float
    bottom: float
    fill: RGB | None = None  # None: not filled
    stroke: bool = False
    key: object = None  # of an image: which one; of a widget: its state

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(slots=True)
class PageContent:
    width: float
    height: float
    matrix: Matrix  # from the page's own coordinates to upright ones with y upwards
    glyphs: list[Glyph] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)

    @property
    def scanned(self) -> bool:
        """Whether an image covers most of the page."""
        area = self.width * self.height
        return any(s.kind == "image" and s.width * s.height > 0.5 * area for s in self.shapes)


def rgb(colour: Any, space: PDFColorSpace | None) -> RGB | None:
    """A colour as red, green, blue in [0, 1]; None where it cannot be told (patterns)."""
    values = [colour] if isinstance(colour, int | float) else colour
    if not isinstance(values, Sequence) or not all(isinstance(v, int | float) for v in values):
        return None
    v = [min(1.0, max(0.0, float(x))) for x in values]
    if len(v) == 1:  # a tint of an ink counts the other way than grey
        grey = 1 - v[0] if space is not None and space.name in ("Separation", "DeviceN") else v[0]
        return grey, grey, grey
    if len(v) == 3:
        return v[0], v[1], v[2]
    if len(v) == 4:
        c, m, y, k = v
        return (1 - c) * (1 - k), (1 - m) * (1 - k), (1 - y) * (1 - k)
    return None


def code(colour: RGB | None) -> str | None:
    """#rrggbb; None for black and what cannot be told."""
    if colour is None or max(colour) < 0.02:
        return None
    return "#" + "".join(f"{round(255 * c):02x}" for c in colour)


class _Face:
    """A font, with the characters already met."""

    def __init__(self, font: PDFFont) -> None:
        name = str(font.fontname).lower()
        flags = font.flags if isinstance(font.flags, int) else 0
        self.bold = any(b in name for b in _BOLD) or bool(flags & _FORCE_BOLD)
        self.descent = font.get_descent()
        self._font = font
        self._known: dict[int, tuple[str, float]] = {}

    def character(self, cid: int) -> tuple[str, float]:
        """What is seen for a character code, and its width in units of the font's size."""
        if cid not in self._known:
            try:
                text = self._font.to_unichr(cid)
            except PDFUnicodeNotDefined:
                text = REPLACEMENT
            self._known[cid] = _shown(text, str(self._font.fontname), cid), self._font.char_width(cid)
        return self._known[cid]


def _box(matrix: Matrix, advance: float, low: float, high: float) -> tuple[float, float, float, float]:
    """Where a character lies, from its box in its own coordinates."""
    a, b, c, d, e, f = matrix
    if b or c:
        x0, y0, x1, y1 = apply_matrix_rect(matrix, (0, low, advance, high))
    else:
        x0, y0, x1, y1 = e, f + d * low, e + a * advance, f + d * high
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


class Device(PDFLayoutAnalyzer):
    """Collects glyphs and shapes of one page, counting them."""

    def __init__(self, resources: PDFResourceManager, budget: Budget) -> None:
        super().__init__(resources)
        self._budget = budget
        self._drawn = 0
        self._render = 0
        self._faces: dict[PDFFont, _Face] = {}
        self._colours: dict[tuple[object, str], str | None] = {}
        self.content = PageContent(0, 0, (1, 0, 0, 1, 0, 0))

    def _count(self) -> None:
        self._drawn += 1
        if self._drawn % 500 == 0:
            self._budget.check_time()
        if self._drawn > self._budget.limits.drawn:
            raise too_large_inside()

    def _flip(self, item: Any) -> tuple[float, float, float, float]:
        return item.x0, self.content.height - item.y1, item.x1, self.content.height - item.y0

    def begin_page(self, page: PDFPage, ctm: Matrix) -> None:
        super().begin_page(page, ctm)
        self.content = PageContent(self.cur_item.width, self.cur_item.height, ctm)

    def begin_figure(self, name: str, bbox: Any, matrix: Matrix) -> None:
        self._count()
        super().begin_figure(name, bbox, matrix)

    def render_string(
        self, textstate: PDFTextState, seq: Any, ncs: PDFColorSpace, graphicstate: PDFGraphicState
    ) -> None:
        self._render = textstate.render
        super().render_string(textstate, seq, ncs, graphicstate)

    def render_char(
        self,
        matrix: Matrix,
        font: PDFFont,
        fontsize: float,
        scaling: float,
        rise: float,
        cid: int,
        ncs: PDFColorSpace,
        graphicstate: PDFGraphicState,
    ) -> float:
        """Takes the place of the library's, which makes much more of each character than is needed."""
        self._count()
        face = self._faces.get(font) or self._faces.setdefault(font, _Face(font))
        text, width = face.character(cid)
        advance = width * fontsize * scaling
        low = face.descent * fontsize + rise
        x0, y0, x1, y1 = _box(matrix, advance, low, low + fontsize)
        height = self.content.height
        if text:
            bold = face.bold or self._render == _STROKED
            colour = self._colour(graphicstate.ncolor, ncs)
            base, angle = height - matrix[5], _angle(matrix)
            glyph = Glyph(text, x0, x1, height - y1, height - y0, base, y1 - y0, bold, colour, angle)
            self.content.glyphs.append(glyph)
        return advance

    def _colour(self, colour: Any, space: PDFColorSpace) -> str | None:
        key = (colour if isinstance(colour, tuple | int | float) else str(colour), space.name)
        if key not in self._colours:
            self._colours[key] = code(rgb(colour, space))
        return self._colours[key]

    def render_image(self, name: str, stream: PDFStream) -> None:
        self._count()
        super().render_image(name, stream)
        image = self.cur_item._objs.pop()
        assert isinstance(image, LTImage)
        key = stream.objid if stream.objid is not None else hash(stream.rawdata)
        self.content.shapes.append(Shape("image", *self._flip(image), key=key))

    def paint_path(self, gstate: PDFGraphicState, stroke: bool, fill: bool, evenodd: bool, path: Any) -> None:
        self._count()
        super().paint_path(gstate, stroke, fill, evenodd, path)
        while self.cur_item._objs:  # one for each part of the path
            item = self.cur_item._objs.pop()
            if isinstance(item, LTCurve) and not isinstance(item, LTFigure):
                colour = (rgb(gstate.ncolor, gstate.ncs) or (0.5, 0.5, 0.5)) if fill else None
                shape = Shape(_kind(item), *self._flip(item), fill=colour, stroke=bool(stroke))
                self.content.shapes.append(shape)


def _angle(matrix: Matrix) -> int:
    a, b = matrix[0], matrix[1]
    if min(abs(a), abs(b)) > 0.1 * max(abs(a), abs(b)):
        return ASLANT
    if abs(a) >= abs(b):
        return 0 if a >= 0 else 180
    return 90 if b > 0 else 270


def _kind(item: LTCurve) -> Literal["line", "rect", "round", "path"]:
    if isinstance(item, LTLine):
        flat = min(item.width, item.height) < 0.5
        return "line" if flat else "path"
    if isinstance(item, LTRect):
        return "rect"
    steps = "".join(str(s[0]) for s in item.original_path or ())
    curves = sum(steps.count(step) for step in "cvy")
    square = 0.7 < (item.width + 0.1) / (item.height + 0.1) < 1.4
    if curves in (4, 8) and steps.count("l") <= 5 and square:  # a circle, or a box with rounded corners
        return "round"
    return "path"


def _shown(text: str, font: str, cid: int) -> str:
    """The character that is seen: fonts of signs have letters' codes."""
    if not sign_font(font):
        return text
    if len(text) == 1 and text != REPLACEMENT:
        return sign(font, ord(text)) or text if ord(text) < 0x100 or ord(text) >= 0xE000 else text
    return sign(font, cid) or text


def draw(page: PDFPage, resources: PDFResourceManager, budget: Budget) -> PageContent:
    """Carries out the page's drawing instructions."""
    device = Device(resources, budget)
    interpreter = BoundedInterpreter(resources, device)
    interpreter.budget = budget
    interpreter.process_page(page)
    content = device.content
    content.glyphs = [
        g
        for g in content.glyphs
        if g.x1 > 0 and g.bottom > 0 and g.x0 < content.width and g.top < content.height
    ]
    return content


def place(content: PageContent, rect: Any) -> tuple[float, float, float, float]:
    """A rectangle in the page's own coordinates as x0, top, x1, bottom."""
    x0, y0, x1, y1 = apply_matrix_rect(content.matrix, rect)
    x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    return x0, content.height - y1, x1, content.height - y0
