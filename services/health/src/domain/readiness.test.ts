import { describe, expect, test } from 'vitest';
import { COMPONENTS, mapComponents, type Component, type ProbeResults } from './component.ts';
import { readinessOf, takesRequests } from './readiness.ts';

const AT = '2026-11-23T06:00:00.000Z';

function resultsWithout(...away: readonly Component[]): ProbeResults {
  return mapComponents((component) =>
    away.includes(component) ? { up: false, at: AT, ms: 1000, reason: 'away' } : { up: true, at: AT, ms: 2 },
  );
}

describe('readiness', () => {
  test('everything up is ready', () => {
    expect(readinessOf(resultsWithout(), false)).toBe('ready');
  });

  test.each(COMPONENTS.filter((component) => component !== 'postgres'))(
    'without %s requests are still taken',
    (away) => {
      expect(readinessOf(resultsWithout(away), false)).toBe('degraded');
      expect(takesRequests('degraded')).toBe(true);
    },
  );

  test('without Postgres no requests are taken', () => {
    expect(readinessOf(resultsWithout('postgres'), false)).toBe('down');
    expect(takesRequests('down')).toBe(false);
  });

  test('draining takes no requests, whatever is up', () => {
    expect(readinessOf(resultsWithout(), true)).toBe('draining');
    expect(takesRequests('draining')).toBe(false);
  });
});
