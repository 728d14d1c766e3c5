"""How much one file may cost, and the account that is kept while it is read."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass

from pipeline.report import SpurError

CHUNK = 1 << 16
MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one file. A real report is far below all of them."""

    bytes: int = 50 * MEGA  # the file as it lies on the disk
    pages: int = 500
    characters: int = 3 * MEGA
    inflated: int = 100 * MEGA  # unpacked bytes of a DOCX, decoded streams of a PDF
    ratio: int = 250  # unpacked to packed, for files that unpack to more than `ratio_from`
    ratio_from: int = 10 * MEGA
    parts: int = 3_000  # files inside a DOCX
    xml: int = 24 * MEGA  # one XML part or one HTML page: the tree takes many times its bytes
    drawn: int = 150_000  # glyphs and shapes on one PDF page
    drawing: int = 40 * MEGA  # bytes of drawing instructions carried out in a PDF
    seconds: float = 60.0


class Budget:
    """What is left of the limits for one file. Every method raises SpurError when it is overdrawn."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._deadline = time.monotonic() + limits.seconds
        self._characters = 0
        self._inflated = 0
        self._drawing = 0

    def check_time(self) -> None:
        if time.monotonic() > self._deadline:
            raise SpurError("filen tar för lång tid att läsa: spara om den, eller dela den i flera filer")

    def spend_characters(self, n: int) -> None:
        self._characters += n
        if self._characters > self.limits.characters:
            raise SpurError(
                f"filen har mer text än {self.limits.characters} tecken: skicka in en rapport i taget"
            )

    def spend_drawing(self, n: int) -> None:
        self.check_time()
        self._drawing += n
        if self._drawing > self.limits.drawing:
            raise too_large_inside()

    def spend_inflated(self, n: int) -> None:
        self._inflated += n
        if self._inflated > self.limits.inflated:
            raise too_large_inside()

    def check_page(self, number: int) -> None:
        self.check_time()
        if number > self.limits.pages:
            raise SpurError(f"filen har fler än {self.limits.pages} sidor: skicka in en rapport i taget")

    def inflate(self, data: bytes) -> bytes:
        """zlib data unpacked piece by piece, so that a bomb is met before it takes memory.

        Data that ends too early or has a wrong checksum gives what there is, as PDF readers do.
        Raises zlib.error where the data itself is broken.
        """
        unpacker, out, rest = zlib.decompressobj(), bytearray(), data
        while rest and not unpacker.eof:
            try:
                piece = unpacker.decompress(rest, CHUNK)
            except zlib.error as e:
                if "check" in str(e):
                    break
                raise
            self.spend_inflated(len(piece))
            out += piece
            rest = unpacker.unconsumed_tail
        return bytes(out)


def too_large_inside() -> SpurError:
    return SpurError("filen är orimligt stor när den packas upp: spara om dokumentet från originalet")
