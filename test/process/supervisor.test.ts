import { afterEach, describe, expect, it } from 'vitest';
import { Liveness } from '../../src/process/liveness.js';
import { Supervisor, type SupervisorOptions } from '../../src/process/supervisor.js';

const supervisors: Supervisor<string, string>[] = [];
afterEach(() => Promise.all(supervisors.map((supervisor) => supervisor.close())));

function supervised(options: Partial<SupervisorOptions<string>> = {}) {
  const received: string[] = [];
  const ends: string[] = [];
  const supervisor = new Supervisor<string, string>({
    entry: new URL('./echo-process.js', import.meta.url),
    name: 'the echo',
    onMessage: (message) => received.push(message),
    onEnd: (reason) => {
      ends.push(reason);
      return false;
    },
    ...options,
  });
  supervisors.push(supervisor);
  return { supervisor, received, ends };
}

describe('a supervised process', () => {
  it('is started once, and answers', async () => {
    const { supervisor, received } = supervised();
    supervisor.start();
    const { pid } = supervisor;
    supervisor.start();
    expect(supervisor.pid).toBe(pid);
    await supervisor.send('hello');
    await expect.poll(() => received).toEqual(['hello']);
  });

  it('is not replaced unless that is requested, and starts again on demand', async () => {
    const { supervisor, received, ends } = supervised();
    supervisor.start();
    await supervisor.send('end');
    await expect.poll(() => ends).toEqual(['the echo ended (exit code 7)']);
    expect(supervisor.pid).toBeNull();
    await supervisor.send('nobody hears this');
    supervisor.start();
    await supervisor.send('again');
    await expect.poll(() => received).toEqual(['again']);
    expect(supervisor.replacements).toBe(0);
  });

  it('is replaced on request, and one that was ready does not count as a failed start', async () => {
    let starts = 0;
    const { supervisor } = supervised({ onStart: () => starts++, onEnd: () => true });
    supervisor.start();
    await supervisor.send('end');
    await expect.poll(() => starts).toBe(2);
    await supervisor.send('end');
    await expect.poll(() => starts).toBe(3);
    expect(supervisor).toMatchObject({ replacements: 2, failedStarts: 2 });
    supervisor.started();
    expect(supervisor.failedStarts).toBe(0);
  });

  it.skipIf(process.platform === 'win32')('is ended when it gives no sign of life', async () => {
    const hangs: string[] = [];
    const { supervisor, ends } = supervised({
      liveness: new Liveness({ firstSilence: 2, silence: 2, start: 1000 }),
      onHang: (message) => hangs.push(message),
    });
    supervisor.start();
    process.kill(supervisor.pid!, 'SIGSTOP');
    await expect.poll(() => ends).toEqual(['the echo ended (SIGKILL)']);
    expect(hangs).toEqual(['the echo has given no sign of life in 2 s: it is ended']);
  });

  it('rests without a report, and another starts at once', async () => {
    const { supervisor, received, ends } = supervised();
    supervisor.start();
    const { pid } = supervisor;
    supervisor.rest();
    supervisor.start();
    expect(supervisor.pid).not.toBe(pid);
    await supervisor.send('awake');
    await expect.poll(() => received).toEqual(['awake']);
    expect(ends).toEqual([]);
  });

  it('does not start once it is closed', async () => {
    const { supervisor } = supervised({ onEnd: () => true });
    supervisor.start();
    await supervisor.close();
    supervisor.start();
    expect(supervisor.pid).toBeNull();
    expect(supervisor.replacements).toBe(0);
  });
});
