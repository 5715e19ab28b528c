// Loaded before the service by the soak: each SIGUSR2 changes its wall clock, to a day ahead, a day back, and the right
// time.
const DAY_MS = 86_400_000;
const OFFSETS = [0, DAY_MS, -DAY_MS];

const RealDate = Date;
let turn = 0;
const now = () => RealDate.now() + OFFSETS[turn];

globalThis.Date = class ShiftedDate extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(now());
    else super(...given);
  }

  static now() {
    return now();
  }
};

process.on('SIGUSR2', () => {
  turn = (turn + 1) % OFFSETS.length;
});
