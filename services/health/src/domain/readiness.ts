import { COMPONENTS, type ProbeResults } from './component.ts';

/** What a load balancer needs to know. */
export type Readiness = 'ready' | 'degraded' | 'down' | 'draining';

/**
 * Only Postgres decides: accepting needs it and nothing else, so an outage of Redis or NATS must not take the edge out of
 * a load balancer.
 */
export function readinessOf(results: ProbeResults, draining: boolean): Readiness {
  if (draining) return 'draining';
  if (!results.postgres.up) return 'down';
  return COMPONENTS.every((component) => results[component].up) ? 'ready' : 'degraded';
}

/** True if requests may be sent here. */
export function takesRequests(readiness: Readiness): boolean {
  return readiness === 'ready' || readiness === 'degraded';
}
