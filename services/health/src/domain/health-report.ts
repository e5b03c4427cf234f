/** The body of `GET /health`: draft-inadarei-api-health-check-06 ("application/health+json"). */
import { COMPONENTS, type Component, type ProbeResult, type ProbeResults } from './component.ts';
import { checkFacts, type FactsAnswer, type OrchestratorFacts } from './orchestrator-facts.ts';

export type CheckStatus = 'pass' | 'warn' | 'fail';

type Check = {
  readonly componentType: 'datastore' | 'component';
  readonly observedValue?: number;
  readonly observedUnit?: string;
  readonly status: CheckStatus;
  readonly time: string;
  /** Why it is not `pass`. */
  readonly output?: string;
};

/** Named as the draft wants it: component:measurement. */
type NamedCheck = readonly [name: string, check: Check];

export type HealthReport = {
  readonly status: CheckStatus;
  readonly serviceId: 'morningai';
  readonly description: string;
  readonly checks: Readonly<Record<string, readonly Check[]>>;
};

/** The way of a task until it is accepted. Without one of these callers are refused: that is `fail`, the rest is `warn`. */
const ACCEPT_PATH: ReadonlySet<Component> = new Set(['postgres', 'orchestrator', 'ingest']);
const DATASTORES: ReadonlySet<Component> = new Set(['postgres', 'redis']);

const DESCRIPTIONS = {
  pass: 'All components answer',
  warn: 'Tasks are accepted; something needs a look',
  fail: 'Tasks are not accepted',
} as const satisfies Record<CheckStatus, string>;

/** @param nowMs epoch milliseconds */
export function healthReport(results: ProbeResults, answer: FactsAnswer, nowMs: number): HealthReport {
  const named: readonly NamedCheck[] = [
    ...COMPONENTS.map((component): NamedCheck => [
      `${component}:responseTime`,
      probeCheck(component, results[component]),
    ]),
    ...(answer.known ? factChecks(answer.facts, nowMs) : [silenceCheck(answer.reason, nowMs)]),
  ];
  const refusing = COMPONENTS.some((component) => ACCEPT_PATH.has(component) && !results[component].up);
  const status = refusing ? 'fail' : named.every(([, check]) => check.status === 'pass') ? 'pass' : 'warn';
  const checks = Object.fromEntries(named.map(([name, check]) => [name, [check]]));
  return { status, serviceId: 'morningai', description: DESCRIPTIONS[status], checks };
}

function probeCheck(component: Component, result: ProbeResult): Check {
  return {
    componentType: DATASTORES.has(component) ? 'datastore' : 'component',
    observedValue: Math.round(result.ms * 10) / 10,
    observedUnit: 'ms',
    status: result.up ? 'pass' : 'fail',
    time: result.at,
    ...(result.up ? {} : { output: result.reason }),
  };
}

function factChecks(facts: OrchestratorFacts, nowMs: number): readonly NamedCheck[] {
  return checkFacts(facts, nowMs).map(({ name, value, unit, warning }) => [
    `orchestrator:${name}`,
    {
      componentType: 'component',
      observedValue: value,
      observedUnit: unit,
      status: warning === null ? 'pass' : 'warn',
      time: new Date(nowMs).toISOString(),
      ...(warning === null ? {} : { output: warning }),
    },
  ]);
}

function silenceCheck(reason: string, nowMs: number): NamedCheck {
  const time = new Date(nowMs).toISOString();
  return ['orchestrator:status', { componentType: 'component', status: 'warn', time, output: reason }];
}
