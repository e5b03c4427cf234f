import type { HttpServer } from '@morningai/service/http';
import { Gauge, Registry } from 'prom-client';
import { COMPONENTS, type ProbeResults } from '../domain/component.ts';
import { overdueMs, type FactsAnswer, type OrchestratorFacts } from '../domain/orchestrator-facts.ts';
import type { ComponentProbes } from '../probes/component-probes.ts';

const FACTS: readonly { name: string; help: string; valueOf: (facts: OrchestratorFacts, nowMs: number) => number }[] = [
  { name: 'morningai_log_head', help: 'The last position of the log.', valueOf: ({ head }) => head },
  { name: 'morningai_feed_lag_events', help: 'Events not yet in the feed.', valueOf: ({ feedLag }) => feedLag },
  { name: 'morningai_workers', help: 'Workers connected to the orchestrator.', valueOf: ({ workers }) => workers },
  { name: 'morningai_tasks_running', help: 'Tasks that workers hold.', valueOf: ({ running }) => running },
  {
    name: 'morningai_oldest_due_seconds',
    help: 'How long the task that waits longest has been due; 0: nothing is due.',
    valueOf: (facts, nowMs) => overdueMs(facts, nowMs) / 1000,
  },
];

/** `GET /metrics`: Prometheus text. What is not known is left out rather than repeated from before. */
export function addMetricsRoute(
  http: HttpServer,
  probes: ComponentProbes,
  readFacts: () => Promise<FactsAnswer>,
): void {
  const registry = new Registry();
  const setResults = resultGauges(registry);
  const setFacts = factGauges(registry);
  http.get('/metrics', async (_request, reply) => {
    const [results, answer] = await Promise.all([probes.probeAll(), readFacts()]);
    setResults(results);
    setFacts(answer, Date.now());
    return reply.header('content-type', registry.contentType).send(await registry.metrics());
  });
}

function resultGauges(registry: Registry): (results: ProbeResults) => void {
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['component'], registers: [registry] });
  const up = gauge('morningai_component_up', '1 if the component answered its probe, 0 if not.');
  const seconds = gauge('morningai_probe_seconds', 'How long the newest probe took, also when it failed.');
  return (results) => {
    for (const component of COMPONENTS) {
      up.set({ component }, results[component].up ? 1 : 0);
      seconds.set({ component }, results[component].ms / 1000);
    }
  };
}

function factGauges(registry: Registry): (answer: FactsAnswer, nowMs: number) => void {
  const gauges = FACTS.map(({ name, help, valueOf }) => {
    return { gauge: new Gauge({ name, help, registers: [registry] }), valueOf };
  });
  return (answer, nowMs) => {
    for (const { gauge, valueOf } of gauges) {
      if (answer.known) gauge.set(valueOf(answer.facts, nowMs));
      else gauge.remove();
    }
  };
}
