#!/bin/sh
# Serve the mocked endpoint and leave its token where the prober reads it.
set -eu
umask 022
jobproof mock --host 0.0.0.0 --port 8080 --lively 4 | while read -r line; do
    printf '%s' "$line" | python -c 'import json, sys; print(json.load(sys.stdin)["token"])' > /run/mock/token.new
    mv /run/mock/token.new /run/mock/token
done
