import type { HttpServer } from '@morningai/service/http';
import { mapComponents, type ProbeResult } from '../domain/component.ts';
import { readinessOf, takesRequests } from '../domain/readiness.ts';
import type { ComponentProbes } from '../probes/component-probes.ts';
import { sendJson } from './send-json.ts';

/** `GET /health/ready`: 200 `ready` or `degraded`; 503 `down` (no Postgres) or `draining`. */
export function addReadyRoute(http: HttpServer, probes: ComponentProbes, isDraining: () => boolean): void {
  http.get('/health/ready', async (_request, reply) => {
    const results = await probes.probeAll();
    const status = readinessOf(results, isDraining());
    const components = mapComponents((component) => componentBody(results[component]));
    return sendJson(reply, takesRequests(status) ? 200 : 503, { status, components });
  });
}

function componentBody(result: ProbeResult) {
  return result.up ? { status: 'up' } : { status: 'down', reason: result.reason };
}
