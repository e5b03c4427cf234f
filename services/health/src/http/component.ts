import type { HttpServer } from '@morningai/service/http';
import type { ComponentProbes } from '../probes/component-probes.ts';
import { sendJson } from './send-json.ts';

/** As the first MorningAI promised them; scripts and monitors compare the bodies byte by byte. */
const ROUTES = [
  { component: 'postgres', name: 'Postgres' },
  { component: 'redis', name: 'Redis' },
  { component: 'nats', name: 'NATS' },
] as const;

/** `GET /health/redis` and its like: 200 `{"status":"Redis is up"}` or 503 `{"status":"Redis is down"}`. */
export function addComponentRoutes(http: HttpServer, probes: ComponentProbes): void {
  for (const { component, name } of ROUTES) {
    http.get(`/health/${component}`, async (_request, reply) => {
      const { up } = await probes.probe(component);
      const status = `${name} is ${up ? 'up' : 'down'}`;
      return sendJson(reply, up ? 200 : 503, { status });
    });
  }
}
