"""
Strings that name no job: each has broken some server once.
"""

from __future__ import annotations

__all__ = ["HOSTILE_IDS", "NONSENSE_IDS"]

NONSENSE_IDS: tuple[str, ...] = (
    *("not-an-id", "0", "-1", "null", "undefined", "*", "true", "[]", "{}"),
    *("%", "%00", "%zz", "%2e%2e", "a%2Fb", "../..", "a/b", "a\\b"),
    *("a b", "a;b=c", "a?b=c", "a#b", "a&b", "a+b", "'", '"', "<b>"),
    *("\x00", "a\x00b", "\n", "\t", "é", "ｊｏｂ", "\u0130d", "\U0001f600", "\u202etxt", "\ufeff"),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-fffffffffffg"),
    *("{4dd4aefd-2ad8-4a1e-8156-ecd10dabdd20}", "0" * 36, "-" * 36, "9" * 40, "x" * 300),
    "a" * 1024,
)
"""
Those that a monitor may send day and night: odd, and nobody's attack. None is empty or a dot
segment: those lead to another route.
"""

HOSTILE_IDS: tuple[str, ...] = (
    *NONSENSE_IDS,
    # A firewall takes these for an attack. In a test run that is one blocked request; a
    # monitor would get its address locked out, and its endpoint's owner paged.
    *("' OR '1'='1", "1;DROP TABLE jobs", "<script>alert(1)</script>", "${7*7}", "{{7*7}}"),
    *("../../etc/passwd", "a/../b", "..;/"),
    # More than some servers take in a request line.
    "x" * 3000,
)
"""All of them, for a test run; the first ones tell most."""
