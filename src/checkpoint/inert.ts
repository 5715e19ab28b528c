import { BuildTarget, Constructible, Global } from './globals.js';

/**
 * An object that training scripts save beside the weights. Only its class name is known, no code of it runs, and only
 * the plain values of a Namespace are read.
 */
export class InertObject extends BuildTarget {
  readonly className: string;
  /** The state set by BUILD. For a Namespace, this is a Map. */
  state: unknown = null;

  constructor(className: string) {
    super();
    this.className = className;
  }

  setState(state: unknown): void {
    this.state = state;
  }
}

/** Types of plain values that do not matter for the weights. Any other type is refused by name. */
const INERT_CLASSES = [
  'argparse.Namespace',
  'types.SimpleNamespace',
  'datetime.datetime',
  'datetime.date',
  'datetime.time',
  'datetime.timedelta',
  'datetime.timezone',
  'pathlib.PosixPath',
  'pathlib.WindowsPath',
  'pathlib.PurePosixPath',
  'pathlib.PureWindowsPath',
  'pathlib.Path',
  'pathlib._local.PosixPath',
  'pathlib._local.WindowsPath',
  'collections.defaultdict',
  'collections.Counter',
  'collections.deque',
  '__builtin__.set',
  'builtins.set',
  '__builtin__.frozenset',
  'builtins.frozenset',
  '__builtin__.complex',
  'builtins.complex',
  'decimal.Decimal',
  'uuid.UUID',
  'torch.device',
] as const;

/**
 * Types that a pickle names as values or as arguments, such as the type of a defaultdict's entries or of a tensor's
 * numbers.
 */
const INERT_VALUES = [
  ...['int', 'float', 'str', 'bool', 'list', 'dict', 'tuple', 'object'].flatMap((name) => [
    `builtins.${name}`,
    `__builtin__.${name}`,
  ]),
  ...['float16', 'bfloat16', 'float32', 'float64', 'int8', 'int16', 'int32', 'int64', 'uint8', 'bool'].map(
    (name) => `torch.${name}`,
  ),
];

export const INERT_GLOBALS: readonly Global[] = [
  ...INERT_CLASSES.map((name) => new Constructible(name, () => new InertObject(name))),
  ...INERT_VALUES.map((name) => new Global(name)),
];
