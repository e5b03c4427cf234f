/** What is probed, and what one probe found. */

export const COMPONENTS = ['postgres', 'redis', 'nats', 'orchestrator', 'ingest', 'memory'] as const;
export type Component = (typeof COMPONENTS)[number];

/** `at` is when the probe began (RFC 3339), `ms` how long it took, also when it failed. */
export type ProbeResult = { readonly at: string; readonly ms: number } & (
  | { readonly up: true }
  /** `reason` is safe to show: it carries no password. */
  | { readonly up: false; readonly reason: string }
);

export type ProbeResults = Readonly<Record<Component, ProbeResult>>;

/** One value per component. */
export function mapComponents<T>(valueOf: (component: Component) => T): Record<Component, T> {
  return Object.fromEntries(COMPONENTS.map((component) => [component, valueOf(component)])) as Record<Component, T>;
}
