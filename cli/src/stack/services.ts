/** The services of a stack: where each lives, what it is told, and how one knows that it is ready. */

export type StackAddresses = {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly natsUrl: string;
  readonly apiKey: string;
  readonly ports: {
    readonly orchestrator: number;
    readonly memory: number;
    readonly ingest: number;
    readonly health: number;
  };
  /** Where the faq agent publishes. */
  readonly publishFolder: string;
};

export type ServiceSpec = {
  readonly name: 'orchestrator' | 'memory' | 'ingest' | 'health' | 'agents';
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
  /** For node itself. */
  readonly nodeOptions: readonly string[];
};

const HOST = '127.0.0.1';
/** What is on its way through the orchestrator lives for some 100 ms. In node's small new space a busy one copies it again and again. */
const ORCHESTRATOR_NODE_OPTIONS = ['--min-semi-space-size=64', '--max-semi-space-size=64'];
const ROOT = new URL('../../../', import.meta.url);

/** In the order in which they are started; none needs the one before it to be up. */
export function servicesOf(addresses: StackAddresses): readonly ServiceSpec[] {
  const { databaseUrl, redisUrl, natsUrl, apiKey, ports } = addresses;
  const backends = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, NATS_URL: natsUrl };
  const orchestrator = { ORCHESTRATOR_ADDRESS: orchestratorAddress(addresses), MORNINGAI_API_KEY: apiKey };
  return [
    service(
      'orchestrator',
      'services/orchestrator',
      { ...backends, MORNINGAI_API_KEY: apiKey, ORCHESTRATOR_PORT: String(ports.orchestrator) },
      ORCHESTRATOR_NODE_OPTIONS,
    ),
    service('memory', 'services/memory', { DATABASE_URL: databaseUrl, MEMORY_PORT: String(ports.memory) }),
    service('ingest', 'services/ingest', { ...orchestrator, INGEST_PORT: String(ports.ingest) }),
    service('health', 'services/health', {
      ...backends,
      ...orchestrator,
      HEALTH_PORT: String(ports.health),
      MEMORY_ADDRESS: `${HOST}:${ports.memory}`,
      INGEST_URL: ingestUrl(addresses),
    }),
    service('agents', 'agents', {
      ...orchestrator,
      FAQ_OUT: addresses.publishFolder,
      FAQ_RUNBOOKS: new URL('docs/runbooks', ROOT).pathname,
    }),
  ];
}

export function orchestratorAddress({ ports }: Pick<StackAddresses, 'ports'>): string {
  return `${HOST}:${ports.orchestrator}`;
}

export function ingestUrl({ ports }: Pick<StackAddresses, 'ports'>): string {
  return `http://${HOST}:${ports.ingest}`;
}

export function healthUrl({ ports }: Pick<StackAddresses, 'ports'>): string {
  return `http://${HOST}:${ports.health}`;
}

function service(
  name: ServiceSpec['name'],
  folder: string,
  env: ServiceSpec['env'],
  nodeOptions: ServiceSpec['nodeOptions'] = [],
): ServiceSpec {
  const main = new URL(`${folder}/src/main.ts`, ROOT).pathname;
  return { name, main, env: { BIND_HOST: HOST, ...env }, nodeOptions };
}
