#!/usr/bin/env bash
# Holds the built service to its OpenAPI document with schemathesis: all checks in all phases, with a fixed seed, against
# the packaged GHN and a store that is removed in the end. schemathesis.toml says what is expected.
#
#   proof/contract/run.sh [MAX_EXAMPLES]
#
# MAX_EXAMPLES is for each operation and phase (default: 100). Needs python3 with venv, and PyPI.
set -euo pipefail
cd "$(dirname "$0")/../.."

schemathesis=4.32.5
# It generates the data: with another version the same seed is other cases.
hypothesis=6.170.15
examples=${1:-100}

folder=$(mktemp -d)
service=
finish() {
  if [ -n "$service" ]; then kill "$service" && wait "$service" || true; fi
  rm -rf "$folder"
}
trap finish EXIT

npm run --silent build
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$schemathesis" "hypothesis==$hypothesis"

PORT=0 STORE="$folder/store" LOG_LEVEL=info node dist/main.js > "$folder/log" &
service=$!
for _ in $(seq 300); do
  grep -q '"msg":"ready"' "$folder/log" && break
  kill -0 "$service"
  sleep 0.2
done
url=$(grep -o 'http://127.0.0.1:[0-9]*' "$folder/log" | head -1)

# A prediction of one of the document's own examples, by its name there: its id.
predict() {
  node -e "process.stdout.write(JSON.stringify(
    require('./openapi/openapi.json').paths['/predict'].post.requestBody.content['application/json'].examples.$1.value))" |
    curl --silent --fail --output /dev/null --dump-header - --header 'content-type: application/json' --data-binary @- "$url/predict" |
    sed -n 's|^location: /predictions/\([0-9a-f]*\).*|\1|p'
}
layers=$(predict Layers)
keras=$(predict Keras)
shard=$(curl --silent --fail "$url/predictions/$keras/tfjs/model.json" |
  node -p 'JSON.parse(require("fs").readFileSync(0)).weightsManifest[0].paths[0]')
printf '"%s"\n' "$layers" "$keras" > "$folder/predictions.txt"
printf '"%s"\n' "$layers" > "$folder/layers.txt"
printf '"%s"\n' "$keras" > "$folder/keras.txt"
printf '"%s"\n' "$shard" > "$folder/shards.txt"
cp proof/contract/schemathesis.toml "$folder"

status=0
(
  cd "$folder"
  venv/bin/schemathesis run "$url/openapi.json" --checks all \
    --phases examples,coverage,fuzzing,stateful --max-examples "$examples" --seed 1 --generation-database none \
    --request-timeout 30 --no-color > report
) || status=$?
cut -c1-200 "$folder/report"

# What the cases have come to, as the service counted it; of methods that a path has not, 405 is the only answer.
echo
echo 'Answers by operation and status:'
curl --silent --fail "$url/metrics" |
  sed -n 's/^ghn_serve_request_duration_seconds_count{method="\([A-Z]*\)",route="\([^"]*\)",status="\([0-9]*\)"} \([0-9]*\)$/\1 \2 \3 \4/p' |
  awk '{ answers[$1 " " $2] = answers[$1 " " $2] "  " $3 ": " $4 } END { for (route in answers) print "  " route answers[route] }' |
  grep -v '  405: [0-9]*$' | sort
exit "$status"
