/**
 * Environment variables that the service passes to its child processes: those that compute libraries, their drivers and
 * Node use. All others, such as keys and tokens, stay with the service, so that a compromised library finds no secrets.
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

/** A name that suggests a secret. It is not passed on, whatever it begins with. */
const SECRET = /TOKEN|SECRET|PASSW|CREDENTIAL|KEY/;

const isPassedOn = (name: string): boolean =>
  NAMES.has(name) || (PREFIXES.some((prefix) => name.startsWith(prefix)) && !SECRET.test(name));

/** Returns the environment of a child process, taken from the service's own. */
export function childEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    // On Windows, the names are not case-sensitive.
    Object.entries(environment).filter(([name]) => isPassedOn(name.toUpperCase())),
  );
}
