"""Characters that people type: which can be shown beside others, and which show nothing.

A character that is newer than Python's tables, such as an emoji of this year, is unassigned there (category
Cn). It is no danger, so it passes.
"""

from __future__ import annotations

import re
import unicodedata

# Control characters, formatting (joiners, marks of direction), surrogates, private use, and separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"})
# White space, control characters, and Default_Ignorable_Code_Point, which the module unicodedata does not
# have: fillers of Hangul (U+115F, U+3164), joiners, variation selectors. Two more are blank: U+2800 of
# Braille and U+1D159 of music. https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
_BLANK = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)


def is_printable(text: str) -> bool:
    """True if no character is a control character, joiner, mark of direction, surrogate, for private use, or
    white space other than the space. As str.isprintable, but for newer characters too.
    """
    return text.isprintable() or not any(
        unicodedata.category(character) in _UNPRINTABLE and character != " " for character in text
    )


def looks_empty(text: str) -> bool:
    """True if a reader sees nothing of the text."""
    return _BLANK.fullmatch(text) is not None
