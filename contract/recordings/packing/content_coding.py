"""
A body as a recorder kept it, still in the coding of its `Content-Encoding`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

__all__ = ["DECODED_BYTES", "decoded"]

DECODED_BYTES = 16 * 1024 * 1024
"""A body that is longer without its coding isn't known: a few bytes can stand for any number."""


def decoded(raw: bytes, codings: str) -> bytes | None:
    """
    The body without its codings, RFC 9110 8.4; None where it can't be said what it is.

    Args:
        codings: The values of `Content-Encoding`, with commas between them.
    """
    body: bytes | None = raw
    for coding in reversed([one.strip().lower() for one in codings.split(",") if one.strip()]):
        if not body or coding == "identity":
            continue  # an answer to HEAD names the coding that a GET would have
        decode = _DECODERS.get(coding)
        body = None if decode is None else decode(body)
    return body


def _gzip(raw: bytes) -> bytes | None:
    found = bytearray()
    # Members may follow one another, RFC 1952 2.2.
    while raw:
        stream = zlib.decompressobj(31)
        try:
            found += stream.decompress(raw, DECODED_BYTES + 1 - len(found))
        except zlib.error:
            return None
        if not stream.eof or len(found) > DECODED_BYTES:
            return None
        raw = stream.unused_data
    return bytes(found)


def _deflate(raw: bytes) -> bytes | None:
    # Some servers leave the zlib header out, and every browser reads them.
    for window in (15, -15):
        stream = zlib.decompressobj(window)
        try:
            found = stream.decompress(raw, DECODED_BYTES + 1)
        except zlib.error:
            continue
        return found if stream.eof and len(found) <= DECODED_BYTES else None
    return None


def _brotli(raw: bytes) -> bytes | None:
    try:
        import brotli
    except ImportError:
        return None
    stream = brotli.Decompressor()
    try:
        found = bytes(stream.process(raw, output_buffer_limit=DECODED_BYTES))
    except (brotli.error, TypeError):  # before 1.2 it knew no limit
        return None
    return found if stream.is_finished() and len(found) <= DECODED_BYTES else None


def _zstd(raw: bytes) -> bytes | None:
    try:
        from backports import zstd
    except ImportError:
        return None
    stream = zstd.ZstdDecompressor()
    try:
        found = bytes(stream.decompress(raw, DECODED_BYTES + 1))
    except zstd.ZstdError:
        return None
    return found if stream.eof and len(found) <= DECODED_BYTES else None


_DECODERS: dict[str, Callable[[bytes], bytes | None]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
