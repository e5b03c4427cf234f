import type { HttpServer } from '@morningai/service/http';
import { healthReport } from '../domain/health-report.ts';
import type { FactsAnswer } from '../domain/orchestrator-facts.ts';
import type { ComponentProbes } from '../probes/component-probes.ts';
import { sendJson } from './send-json.ts';

/** `GET /health`: every component and what the orchestrator knows; 503 when the status is `fail`. */
export function addReportRoute(http: HttpServer, probes: ComponentProbes, readFacts: () => Promise<FactsAnswer>): void {
  http.get('/health', async (_request, reply) => {
    const [results, facts] = await Promise.all([probes.probeAll(), readFacts()]);
    const report = healthReport(results, facts, Date.now());
    return sendJson(reply, report.status === 'fail' ? 503 : 200, report, 'application/health+json');
  });
}
