import { describe, expect, it } from 'vitest';
import { centredWindow, cornerWindow, kernelWindow } from '../../src/ghn/decoder/window.js';

describe('the window of a kernel', () => {
  it('is in the centre of a GHN-3’s plane', () => {
    expect(kernelWindow(centredWindow, 11, 3, 3)).toEqual({ top: 4, left: 4, height: 3, width: 3 });
    expect(kernelWindow(centredWindow, 16, 3, 3)).toEqual({ top: 7, left: 7, height: 3, width: 3 });
    expect(kernelWindow(centredWindow, 16, 1, 7)).toEqual({ top: 8, left: 5, height: 1, width: 7 });
    expect(kernelWindow(centredWindow, 16, 2, 4)).toEqual({ top: 7, left: 6, height: 2, width: 4 });
  });

  it('is in the corner of a GHN-2’s plane', () => {
    expect(kernelWindow(cornerWindow, 11, 3, 5)).toEqual({ top: 0, left: 0, height: 3, width: 5 });
  });

  it('covers all of an axis on which the kernel is as large or larger', () => {
    expect(kernelWindow(centredWindow, 11, 11, 16)).toEqual({ top: 0, left: 0, height: 11, width: 11 });
    expect(kernelWindow(centredWindow, 11, 16, 3)).toEqual({ top: 0, left: 4, height: 11, width: 3 });
    expect(kernelWindow(cornerWindow, 11, 2, 40)).toEqual({ top: 0, left: 0, height: 2, width: 11 });
  });

  it('never reaches outside of the plane', () => {
    for (const spatial of [1, 2, 3, 11, 16]) {
      for (let size = 1; size <= 20; size++) {
        const { top, height } = kernelWindow(centredWindow, spatial, size, 1);
        expect(top).toBeGreaterThanOrEqual(0);
        expect(top + height).toBeLessThanOrEqual(spatial);
        expect(height).toBe(Math.min(size, spatial));
      }
    }
  });
});
