#!/bin/sh
# The whole experiment: starts the service, unless GHN_SERVE_URL names one that runs, and stops it in the end.
# Arguments are handed on to experiment.py. PYTHON names the interpreter.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ -z "${GHN_SERVE_URL:-}" ]; then
  port=${PORT:-3970}
  store=$(mktemp -d)
  (cd "$root" && npm run --silent build)
  PORT=$port STORE=$store LOG_LEVEL=${LOG_LEVEL:-warn} node "$root/dist/main.js" &
  service=$!
  trap 'kill "$service" 2>/dev/null || true; wait "$service" 2>/dev/null || true; rm -rf "$store"' EXIT
  GHN_SERVE_URL=http://127.0.0.1:$port
  export GHN_SERVE_URL
  until curl --silent --fail --output /dev/null "$GHN_SERVE_URL/readyz"; do
    kill -0 "$service" || { echo "the service did not start" >&2; exit 1; }
    sleep 0.5
  done
fi

"${PYTHON:-python3}" "$here/experiment.py" "$@"
