import { BuildTarget, Constructible, Global } from './globals.js';

/**
 * An object beside the weights that people's training scripts save: its class is known by name alone, nothing of it is
 * executed, and only a Namespace's plain values are looked at.
 */
export class InertObject extends BuildTarget {
  readonly className: string;
  /** The state that BUILD has set: a Map for a Namespace. */
  state: unknown = null;

  constructor(className: string) {
    super();
    this.className = className;
  }

  setState(state: unknown): void {
    this.state = state;
  }
}

/** Types of plain values whose objects say nothing about the weights. Everything else is refused by its name. */
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

/** Types that a pickle names as values or as arguments: of a defaultdict's entries, of a tensor's numbers. */
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
