"""
A body that is still encoded is read where it can be, and unknown where it can't.
"""

from __future__ import annotations

import gzip
import zlib

import pytest

from jobproof.contract.recordings.packing.content_coding import DECODED_BYTES, decoded

TEXT = b'{"status": "completed"}'
RAW_DEFLATE = zlib.compress(TEXT)[2:-4]


@pytest.mark.parametrize(
    ("raw", "codings", "body"),
    [
        (TEXT, "", TEXT),
        (TEXT, "identity", TEXT),
        (gzip.compress(TEXT, mtime=0), "gzip", TEXT),
        (gzip.compress(TEXT, mtime=0), "X-GZIP", TEXT),
        (gzip.compress(TEXT[:5], mtime=0) + gzip.compress(TEXT[5:], mtime=0), "gzip", TEXT),
        (zlib.compress(TEXT), "deflate", TEXT),
        (RAW_DEFLATE, "deflate", TEXT),
        (gzip.compress(zlib.compress(TEXT), mtime=0), "deflate, gzip", TEXT),
        (b"", "gzip", b""),
        (TEXT, "gzip", None),
        (TEXT, "deflate", None),
        (gzip.compress(TEXT, mtime=0)[:-9], "gzip", None),
        (gzip.compress(TEXT, mtime=0) + b"more", "gzip", None),
        (zlib.compress(TEXT)[:-5], "deflate", None),
        (TEXT, "rot13", None),
        (TEXT, "gzip, rot13", None),
        (TEXT, "br", None),
        (TEXT, "zstd", None),
    ],
)
def test_what_can_not_be_decoded_is_unknown(raw: bytes, codings: str, body: bytes | None) -> None:
    assert decoded(raw, codings) == body


@pytest.mark.parametrize("pack", [(gzip.compress, "gzip"), (zlib.compress, "deflate")])
def test_a_body_that_grows_beyond_all_is_unknown(pack: tuple[object, str]) -> None:
    compress, coding = pack
    assert callable(compress)
    assert decoded(compress(bytes(DECODED_BYTES)), coding) == bytes(DECODED_BYTES)
    assert decoded(compress(bytes(DECODED_BYTES + 1)), coding) is None
    assert decoded(compress(bytes(DECODED_BYTES)) * 2, "gzip") is None
