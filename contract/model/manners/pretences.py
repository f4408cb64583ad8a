"""
What a request says of who sends it, from where and by which right, and nothing of it true.
"""

from __future__ import annotations

__all__ = [
    "AS_BROWSER",
    "CLAIMS",
    "CLAIMS_IN_QUERY",
    "FROM_HERE",
    "TOKENS_ELSEWHERE",
    "TOKENS_IN_QUERY",
]

_WRONG = "jobproof-invalid"
_BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
AS_BROWSER = (
    ("User-Agent", _BROWSER),
    *((name, "no-cache") for name in ("Cache-Control", "Pragma")),
    *(("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "same-site")),
    ("Priority", "u=1, i"),
)
FROM_HERE = (
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-Proto", "https"),
    *((name, "127.0.0.1") for name in ("X-Real-IP", "X-Client-IP", "True-Client-IP")),
    *((name, "127.0.0.1") for name in ("X-Cluster-Client-IP", "CF-Connecting-IP")),
    ("Forwarded", "for=127.0.0.1;proto=https"),
)
# What gateways write, once they know who asks, and what services behind them have believed.
CLAIMS = (
    *((name, "1") for name in ("X-User-Id", "X-Tenant-Id", "X-Account-Id", "X-Organization-Id")),
    *((name, "admin") for name in ("X-User", "X-Forwarded-User", "X-Remote-User", "Remote-User")),
    *((name, "admin") for name in ("X-Authenticated-User", "X-Auth-Request-User", "X-Role")),
    *((name, "true") for name in ("X-Admin", "X-Internal", "X-Debug")),
    ("X-Requested-With", "XMLHttpRequest"),
    ("User-Agent", "kube-probe/1.31"),
    ("Referer", "http://localhost/admin"),
)
CLAIMS_IN_QUERY = (
    *((name, "1") for name in ("user_id", "user", "tenant_id", "tenant", "account_id", "owner")),
    *((name, "1") for name in ("workspace_id", "organization_id", "org", "account", "as")),
    *((name, "1") for name in ("impersonate", "share", "sig", "signature")),
    *((name, "true") for name in ("admin", "internal", "public")),
)
TOKENS_IN_QUERY = tuple((name, _WRONG) for name in ("access_token", "token", "api_key", "key"))
TOKENS_ELSEWHERE = (
    ("Cookie", f"token={_WRONG}; session={_WRONG}"),
    *((name, _WRONG) for name in ("X-Api-Key", "X-Auth-Token", "X-Access-Token")),
)
