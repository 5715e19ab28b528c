// `npm pack` bundles onnxruntime-node, whose install script would download CUDA's libraries from NuGet on every Linux
// machine. `bundled.mjs strip` removes the script while packing, and `bundled.mjs restore` puts it back.
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const manifest = new URL('../node_modules/onnxruntime-node/package.json', import.meta.url);
const backup = new URL('package.json.original', manifest);

switch (process.argv[2]) {
  case 'strip': {
    if (!existsSync(backup)) copyFileSync(manifest, backup);
    const { scripts: _, devDependencies: __, ...rest } = JSON.parse(readFileSync(backup, 'utf8'));
    writeFileSync(manifest, JSON.stringify(rest, null, 2));
    break;
  }
  case 'restore':
    if (existsSync(backup)) renameSync(backup, manifest);
    break;
  default:
    throw new Error('strip or restore');
}
