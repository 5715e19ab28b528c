/**
 * What a process of the service's own gets of the environment: what libraries for computing, their drivers and Node go by.
 * Everything else stays with the service, as keys and tokens must: a library that is taken over finds none.
 */
const NAMES = new Set([
  'PATH',
  'HOME',
  'USER',
  'TMPDIR',
  'TMP',
  'TEMP',
  'TZ',
  'LANG',
  'LANGUAGE',
  'NODE_ENV',
  'NODE_OPTIONS',
  'NODE_PATH',
  'NODE_V8_COVERAGE',
  'UV_THREADPOOL_SIZE',
  'GLIBC_TUNABLES',
  'FAKETIME',
  // Windows
  'APPDATA',
  'COMSPEC',
  'LOCALAPPDATA',
  'NUMBER_OF_PROCESSORS',
  'PATHEXT',
  'PROGRAMDATA',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'USERPROFILE',
  'WINDIR',
]);

const PREFIXES = [
  'LC_',
  'LD_',
  'DYLD_',
  'XDG_',
  'MALLOC_',
  'OMP_',
  'MKL_',
  'ORT_',
  'TF_',
  'TFJS_',
  'XLA_',
  'CUDA_',
  'CUDNN_',
  'CUBLAS_',
  'NVIDIA_',
  'VK_',
  'DAWN_',
  'MESA_',
  'LIBGL_',
  'GALLIUM_',
  'LP_',
];

/** A secret by its name, whatever else it begins with. */
const SECRET = /TOKEN|SECRET|PASSW|CREDENTIAL|KEY/;

const isPassedOn = (name: string): boolean =>
  NAMES.has(name) || (PREFIXES.some((prefix) => name.startsWith(prefix)) && !SECRET.test(name));

/** The environment of a process of the service's own, from the service's. */
export function childEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    // Names on Windows are the same in either case.
    Object.entries(environment).filter(([name]) => isPassedOn(name.toUpperCase())),
  );
}
