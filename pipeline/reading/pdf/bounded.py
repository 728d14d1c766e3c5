"""pdfminer with an account: decoded bytes, drawing instructions, glyphs and shapes are counted."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

from pdfminer.ascii85 import ascii85decode, asciihexdecode
from pdfminer.lzw import LZWDecoder
from pdfminer.pdfinterp import PDFPageInterpreter
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import (
    LITERALS_ASCII85_DECODE,
    LITERALS_ASCIIHEX_DECODE,
    LITERALS_FLATE_DECODE,
    LITERALS_LZW_DECODE,
    LITERALS_RUNLENGTH_DECODE,
    PDFStream,
    stream_value,
)
from pdfminer.psparser import PSKeyword

from pipeline.reading.limits import Budget, too_large_inside
from pipeline.reading.sniff import damaged

CALL = 4_000  # what calling a form costs, in bytes of drawing instructions
_RUN = 128  # most bytes that two bytes of a run-length code stand for


class BoundedStream(PDFStream):
    """A stream that is measured, unpacking in small pieces, before pdfminer unpacks it in one."""

    budget: Budget

    @classmethod
    def of(cls, stream: PDFStream, budget: Budget) -> BoundedStream:
        bounded = cls(stream.attrs, stream.rawdata or b"", stream.decipher)
        bounded.budget = budget
        return bounded

    def decode(self) -> None:
        self._measure()
        super().decode()

    def _measure(self) -> None:
        data = self.rawdata or b""
        if self.decipher and self.objid is not None and self.genno is not None:
            data = self.decipher(self.objid, self.genno, data, self.attrs)
        for name, _ in self.get_filters():
            if name in LITERALS_FLATE_DECODE:
                try:
                    data = self.budget.inflate(data)
                except zlib.error as e:
                    raise damaged("PDF-filen") from e
            elif name in LITERALS_LZW_DECODE:
                data = self._lzw(data)
            elif name in LITERALS_RUNLENGTH_DECODE:
                self.budget.spend_inflated(len(data) * _RUN // 2)
                return
            elif name in LITERALS_ASCII85_DECODE:
                data = ascii85decode(data)
            elif name in LITERALS_ASCIIHEX_DECODE:
                data = asciihexdecode(data)
            else:
                return  # images, which nobody decodes here

    def _lzw(self, data: bytes) -> bytes:
        out = bytearray()
        for piece in LZWDecoder(BytesIO(data)).run():
            self.budget.spend_inflated(len(piece))
            out += piece
        return bytes(out)


class BoundedParser(PDFParser):
    """Hands out bounded streams."""

    def __init__(self, fp: BinaryIO, budget: Budget) -> None:
        super().__init__(fp)
        self._budget = budget

    def do_keyword(self, pos: int, token: PSKeyword) -> None:
        self._budget.check_time()
        super().do_keyword(pos, token)
        if token is self.KEYWORD_STREAM and self.curstack:
            place, stream = self.curstack[-1]
            if isinstance(stream, PDFStream):
                self.curstack[-1] = (place, BoundedStream.of(stream, self._budget))


class BoundedInterpreter(PDFPageInterpreter):
    """Counts what it carries out, so that forms that call each other end too."""

    budget: Budget

    def dup(self) -> BoundedInterpreter:
        inner = BoundedInterpreter(self.rsrcmgr, self.device)
        inner.budget = self.budget
        return inner

    def execute(self, streams: Sequence[object]) -> None:
        self.budget.spend_drawing(CALL + sum(len(stream_value(s).get_data()) for s in streams))
        if len(self.parent_stream_ids) > 50:
            raise too_large_inside()
        super().execute(streams)
