import { describe, expect, test } from 'vitest';
import { COMPONENTS, mapComponents, type Component, type ProbeResults } from './component.ts';
import { healthReport } from './health-report.ts';
import { FACT_LIMITS, type FactsAnswer, type OrchestratorFacts } from './orchestrator-facts.ts';

const NOW_MS = Date.parse('2026-11-23T06:00:00.000Z');
const AT = '2026-11-23T05:59:59.000Z';
const CALM: OrchestratorFacts = {
  head: 70,
  feedLag: 0,
  workers: 2,
  running: 3,
  oldestDueAtMs: null,
  redis: { place: 'redis://there:6379', sealedUrl: '' },
};

function resultsWithout(...away: readonly Component[]): ProbeResults {
  return mapComponents((component) =>
    away.includes(component) ? { up: false, at: AT, ms: 1000.04, reason: 'away' } : { up: true, at: AT, ms: 2.26 },
  );
}

function facts(changes: Partial<OrchestratorFacts> = {}): FactsAnswer {
  return { known: true, facts: { ...CALM, ...changes } };
}

describe('the health report', () => {
  test('everything up and calm passes', () => {
    const report = healthReport(resultsWithout(), facts(), NOW_MS);
    expect(report.status).toBe('pass');
    expect(
      Object.values(report.checks)
        .flat()
        .map(({ status }) => status),
    ).not.toContain('warn');
    expect(report.checks['postgres:responseTime']).toEqual([
      { componentType: 'datastore', observedValue: 2.3, observedUnit: 'ms', status: 'pass', time: AT },
    ]);
    expect(report.checks['orchestrator:head']).toEqual([
      {
        componentType: 'component',
        observedValue: 70,
        observedUnit: 'position',
        status: 'pass',
        time: '2026-11-23T06:00:00.000Z',
      },
    ]);
  });

  test.each(['postgres', 'orchestrator', 'ingest'] as const)('without %s nothing is accepted: fail', (away) => {
    expect(healthReport(resultsWithout(away), facts(), NOW_MS).status).toBe('fail');
  });

  test.each(['redis', 'nats', 'memory'] as const)('without %s work goes on: warn, with the reason', (away) => {
    const report = healthReport(resultsWithout(away), facts(), NOW_MS);
    expect(report.status).toBe('warn');
    expect(report.checks[`${away}:responseTime`]?.[0]).toMatchObject({
      status: 'fail',
      output: 'away',
      observedValue: 1000,
    });
  });

  test.each([
    ['workers', { workers: 0 }],
    ['feedLag', { feedLag: FACT_LIMITS.feedLag + 1 }],
    ['oldestDueAge', { oldestDueAtMs: NOW_MS - FACT_LIMITS.overdueMs - 1 }],
  ] as const)('connected is not enough: %s warns', (name, changes) => {
    const report = healthReport(resultsWithout(), facts(changes), NOW_MS);
    expect(report.status).toBe('warn');
    expect(report.checks[`orchestrator:${name}`]?.[0]).toMatchObject({ status: 'warn', output: expect.any(String) });
  });

  test('a task due in the future, by a clock ahead of ours, is not overdue', () => {
    const report = healthReport(resultsWithout(), facts({ oldestDueAtMs: NOW_MS + 5_000 }), NOW_MS);
    expect(report.checks['orchestrator:oldestDueAge']?.[0]).toMatchObject({ status: 'pass', observedValue: 0 });
  });

  test('an orchestrator that serves but does not tell its status warns', () => {
    const report = healthReport(resultsWithout(), { known: false, reason: 'no valid API key' }, NOW_MS);
    expect(report.status).toBe('warn');
    expect(report.checks['orchestrator:status']?.[0]).toMatchObject({ status: 'warn', output: 'no valid API key' });
  });

  test('every component has a check, whatever is away', () => {
    const report = healthReport(resultsWithout(...COMPONENTS), { known: false, reason: 'away' }, NOW_MS);
    expect(Object.keys(report.checks)).toEqual([
      ...COMPONENTS.map((component) => `${component}:responseTime`),
      'orchestrator:status',
    ]);
  });
});
