"""Characters as the parser wants them: one form of each, and none that cannot be seen."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

LIGATURES = {
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
}  # fmt: skip
HYPHENS = "\u2010\u2011"
SOFT_HYPHEN = "\u00ad"
REPLACEMENT = "\ufffd"

# Fonts of signs: character code -> the sign. Files of Word give such codes as they are, or as U+F000 + code.
WINGDINGS = {
    0x6C: "●", 0x6D: "❍", 0x6E: "■", 0x6F: "□", 0x70: "□", 0x71: "❑", 0x72: "❒", 0x76: "❖", 0x77: "◆",
    0x78: "☒", 0x9F: "•", 0xA1: "○", 0xA4: "◉", 0xA7: "▪", 0xA8: "☐", 0xD8: "➢", 0xE0: "→", 0xF0: "⇨",
    0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
WINGDINGS_2 = {
    0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0x55: "⊗", 0x97: "●", 0x99: "○",
    0xA2: "■", 0xA3: "☐", 0xA4: "□",
}  # fmt: skip
WEBDINGS = {0x61: "✓", 0x63: "□", 0x67: "■", 0x6E: "●", 0x72: "✗", 0x78: "☒"}
SYMBOL = {0xA8: "♦", 0xAE: "→", 0xB7: "•", 0xB3: "≥", 0xA3: "≤", 0xB0: "°", 0xB1: "±", 0xD0: "∠", 0xD6: "√"}
ZAPF_DINGBATS = {
    **{code: chr(0x26E0 + code) for code in range(0x21, 0x7F)},
    0x25: "☎", 0x2A: "☛", 0x2B: "☞", 0x48: "★", 0x6C: "●", 0x6E: "■", 0x73: "▲", 0x74: "▼",
    0x75: "◆", 0x77: "◗",
}  # fmt: skip
SIGN_FONTS = (
    ("wingdings2", WINGDINGS_2),
    ("wingdings", WINGDINGS),
    ("webdings", WEBDINGS),
    ("symbol", SYMBOL),
)


@cache
def sign_font(font: str) -> dict[int, str]:
    """The signs of a font by character code; empty where the font is one of letters."""
    name = re.sub(r"[^a-z0-9]", "", font.rpartition("+")[2].lower())
    if "dingbats" in name:
        return ZAPF_DINGBATS
    return next((signs for key, signs in SIGN_FONTS if name.startswith(key)), {})


def sign(font: str, code: int) -> str | None:
    """The sign that a font of signs (Wingdings, Symbol, …) shows for a character code; None if unknown."""
    return sign_font(font).get(code - 0xF000 if 0xF000 <= code <= 0xF0FF else code)


def _one(char: str) -> str:
    """What a single character becomes."""
    code, category = ord(char), unicodedata.category(char)
    if char in ("\n", SOFT_HYPHEN):
        return char
    if char == "\t" or category in ("Zs", "Zl", "Zp"):
        return " "
    if category in ("Cc", "Cf") or 0xFE00 <= code <= 0xFE0F:
        return ""
    if category == "Cs":
        return REPLACEMENT
    if 0xF000 <= code <= 0xF0FF:
        return SYMBOL[0xB7] if code == 0xF0B7 else WINGDINGS.get(code - 0xF000, char)
    return "-" if char in HYPHENS else LIGATURES.get(char, char)


class _Table(dict[int, str]):
    """A table for str.translate that is filled as characters are met."""

    def __missing__(self, code: int) -> str:
        self[code] = _one(chr(code))
        return self[code]


_TABLE = _Table()

# Some PDF files give å ä ö as a letter and a spacing accent, before or after the letter.
ACCENTS = {"¨": "\u0308", "˚": "\u030a", "´": "\u0301"}
_BASES = {"¨": "aoueiyAOUEIY", "˚": "aA", "´": "eaoEAO"}
_SPACING = re.compile(r"(?P<before>.?)(?P<accent>[¨˚´])(?P<after> ?\w?)", re.DOTALL)


def _accent(match: re.Match[str]) -> str:
    before, accent, after = match["before"], match["accent"], match["after"]
    bases = _BASES[accent]
    fits_before = before != "" and before in bases
    letter = after.lstrip(" ")
    # «f¨ or»: the space belongs to the accent, but only in the middle of a word
    fits_after = letter != "" and letter in bases and (letter == after or before.isalpha())
    if fits_before and not fits_after:
        return before + ACCENTS[accent] + after
    if fits_after and not fits_before:
        return before + letter + ACCENTS[accent]
    return match[0]


def normalise(text: str) -> str:
    """Text in NFC, without ligatures, odd spaces, control and zero-width characters.

    A soft hyphen is dropped inside a line and becomes "-" at a line's end, where it is seen. Codes of sign
    fonts become their signs, and a letter with a spacing accent beside it («a¨», «¨a») becomes one letter
    where that can be read in one way only. Line feeds stay. Never raises; doing it twice changes nothing.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.translate(_TABLE)
    if SOFT_HYPHEN in text:
        text = re.sub(rf"-?{SOFT_HYPHEN}+(?=[ ]*(?:\n|$))", "-", text).replace(SOFT_HYPHEN, "")
    text = unicodedata.normalize("NFC", text)
    while any(
        a in text for a in ACCENTS
    ):  # each round has fewer: one that is placed can settle its neighbour
        placed = unicodedata.normalize("NFC", _SPACING.sub(_accent, text))
        if placed == text:
            break
        text = placed
    return text
