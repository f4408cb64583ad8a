"""
What libcurl's error codes mean for whoever asked: the endpoint, the way to it, or this side.
"""

from __future__ import annotations

import errno

import pycurl

from jobproof.contract.model.exchange import Reason

__all__ = ["EXHAUSTED", "HEAD_REFUSED", "LOCAL_ERRORS", "REASONS", "code_name"]

REASONS: dict[int, Reason] = {
    1: Reason.PROTOCOL,  # UNSUPPORTED_PROTOCOL: not HTTP/1.x, or a status code beyond it
    6: Reason.DNS,  # COULDNT_RESOLVE_HOST
    7: Reason.CONNECT,  # COULDNT_CONNECT
    8: Reason.PROTOCOL,  # WEIRD_SERVER_REPLY: a header that can't be one
    18: Reason.PROTOCOL,  # PARTIAL_FILE: closed before the announced end
    28: Reason.TIMEOUT,  # OPERATION_TIMEDOUT, in whichever phase
    35: Reason.TLS,  # SSL_CONNECT_ERROR
    45: Reason.CONNECT,  # INTERFACE_FAILED
    52: Reason.PROTOCOL,  # GOT_NOTHING: closed before a status line
    53: Reason.TLS,  # SSL_ENGINE_NOTFOUND
    54: Reason.TLS,  # SSL_ENGINE_SETFAILED
    55: Reason.PROTOCOL,  # SEND_ERROR: reset while the request was sent
    56: Reason.PROTOCOL,  # RECV_ERROR: reset while answering, or a bad chunk
    58: Reason.TLS,  # SSL_CERTPROBLEM
    59: Reason.TLS,  # SSL_CIPHER
    60: Reason.TLS,  # PEER_FAILED_VERIFICATION
    61: Reason.PROTOCOL,  # BAD_CONTENT_ENCODING: here only for Transfer-Encoding
    64: Reason.TLS,  # USE_SSL_FAILED
    66: Reason.TLS,  # SSL_ENGINE_INITFAILED
    77: Reason.TLS,  # SSL_CACERT_BADFILE
    80: Reason.TLS,  # SSL_SHUTDOWN_FAILED
    82: Reason.TLS,  # SSL_CRL_BADFILE
    83: Reason.TLS,  # SSL_ISSUER_ERROR
    90: Reason.TLS,  # SSL_PINNEDPUBKEYNOTMATCH
    91: Reason.TLS,  # SSL_INVALIDCERTSTATUS
    98: Reason.TLS,  # SSL_CLIENTCERT
    100: Reason.TOO_LARGE,  # TOO_LARGE: a header line, or their number
}
LOCAL_ERRORS = {2, 23, 27, 43, 48}
"""
FAILED_INIT, WRITE_ERROR, OUT_OF_MEMORY, BAD_FUNCTION_ARGUMENT, UNKNOWN_OPTION:
it went wrong on this side, so the endpoint isn't blamed.
"""
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
HEAD_REFUSED = {1, 8, 61, 100}
"""
The codes with which libcurl gives up on a head that it was given: the answer
did come, so what was read of it is kept.
"""


def code_name(code: int) -> str:
    """
    The code and its name, as libcurl's manual has it.
    """
    names = (n for n in dir(pycurl) if n.startswith("E_") and getattr(pycurl, n) == code)
    return f"libcurl error {code} ({next(names, 'E_UNKNOWN')})"
