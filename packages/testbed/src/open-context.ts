import type { Component } from './backend.ts';
import type { TestbedConfig } from './config.ts';
import type { RedisFlavour } from './processes/binaries.ts';
import type { RedisPersistence } from './processes/redis.ts';
import type { Run } from './run.ts';

/** Everything a provider needs to open its backends. */
export interface OpenContext extends TestbedConfig {
  run: Run;
  /** Has a folder per component. */
  dataFolder: string;
  /** True when the caller named the data folder: then it is kept. */
  keepData: boolean;
  ports: Partial<Record<Component, number>>;
  redisFlavour: RedisFlavour;
  redisPersistence: RedisPersistence;
  natsMonitorPort: number | undefined;
  progress: (line: string) => void;
  signal: AbortSignal | undefined;
}
