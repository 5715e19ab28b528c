#!/usr/bin/env bash
# Holds the OpenAPI document to the rules of redocly and spectral, and compiles what hey-api makes of it. Warnings fail.
#
#   scripts/openapi-lint.sh [DOCUMENT]
#
# The tools are fetched by npx and are not in package-lock.json: they bring some 300 packages that nothing else here needs. The
# versions are the last that run on Node 20.19.
set -euo pipefail
cd "$(dirname "$0")/.."

document=$(realpath "${1:-openapi/openapi.json}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
npx --yes @redocly/cli@2.77.0 lint --config openapi/redocly.yaml --format json "$document" > "$folder/redocly.json" 2> "$folder/log" ||
  [ -s "$folder/redocly.json" ] || { cat "$folder/log" >&2; exit 1; }
node -e '
  const { problems } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
  for (const { severity, ruleId, message, location } of problems) {
    console.error(`redocly: ${severity} ${ruleId}: ${message} (${location[0]?.pointer})`);
  }
  process.exitCode = problems.length > 0 ? 1 : 0;
' "$folder/redocly.json"

npx --yes @stoplight/spectral-cli@6.16.3 lint --ruleset openapi/spectral.yaml --fail-severity warn --quiet "$document"

cd "$folder"
npx --yes --package @hey-api/openapi-ts@0.95.0 --package typescript@5.9.3 openapi-ts --input "$document" --output client --silent
echo '{"type": "module", "private": true}' > package.json
cat > main.ts <<'TS'
import { type Layer, type PredictRequest, predict } from './client/index.js';

const layer: Layer = { name: 'fc', type: 'Linear', in_features: 16, out_features: 10 };
const body: PredictRequest = { architecture: { name: 'tiny', layers: [layer] } };
const { data } = await predict({ baseUrl: 'http://127.0.0.1:3000', body });
const weights: Blob | File | undefined = data as Blob | undefined;
console.log(weights?.size);
TS
npx --yes --package typescript@5.9.3 tsc --strict --noEmit --target es2022 --module esnext --moduleResolution bundler \
  --lib es2023,dom,dom.iterable main.ts
echo 'The OpenAPI document passes redocly and spectral, and hey-api’s client compiles.'
