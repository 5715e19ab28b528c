#!/usr/bin/env bash
# The TypeScript client: its types are those of the OpenAPI document, and its package compiles in a strict project.
set -euo pipefail
cd "$(dirname "$0")/../clients/typescript"

npm ci --no-audit --no-fund --silent
if ! npm run --silent generate:check > /dev/null; then
  echo 'clients/typescript/src/api.ts is stale: run `npm run client:types` and commit it.' >&2
  exit 1
fi
project=$(mktemp -d)
trap 'rm -rf "$project"' EXIT
npm run --silent build
package=$(npm pack --silent --pack-destination "$project")
cd "$project"
cat > package.json <<< '{"type": "module", "private": true}'
npm install --no-audit --no-fund --silent "./$package" typescript@5
cat > main.ts <<'TS'
import { GhnServeClient, type PredictionRecord, readSafetensors } from 'ghn-serve-client';

const client = new GhnServeClient({ baseUrl: 'http://127.0.0.1:3000' });
const { bytes } = await client.predict({ architecture: 'resnet50', num_classes: 10 });
const shape: readonly number[] = readSafetensors(bytes).tensors.get('conv1.weight')!.shape;
const record: PredictionRecord = await client.wait('0'.repeat(32));
console.log(shape, record.status);
TS
npx tsc --strict --noEmit --target es2022 --module nodenext --lib es2023,dom,dom.iterable main.ts
echo 'The TypeScript client compiles in a fresh strict project.'
