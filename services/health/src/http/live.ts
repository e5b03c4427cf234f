import type { HttpServer } from '@morningai/service/http';
import { sendJson } from './send-json.ts';

/** `GET /health/live`: this process serves. It asks nobody, so an outage elsewhere never gets it restarted. */
export function addLiveRoute(http: HttpServer): void {
  http.get('/health/live', async (_request, reply) => sendJson(reply, 200, { status: 'live' }));
}
