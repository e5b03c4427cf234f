// vitest globalSetup: one testbed for the whole run. Tests read it with `inject('postgresUrl')`.
import type { TestProject } from 'vitest/node';
import { readConfig } from './config.ts';
import { type Provider, openTestbed } from './testbed.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgresUrl: string;
    redisUrl: string;
    natsUrl: string;
    provider: Provider;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string) => process.stderr.write(`testbed: ${line}\n`);
  const testbed = await openTestbed({ progress: say, urls: readConfig().testUrls });
  say(testbed.describe());
  project.provide('postgresUrl', testbed.postgres.url);
  project.provide('redisUrl', testbed.redis.url);
  project.provide('natsUrl', testbed.nats.url);
  project.provide('provider', testbed.provider);
  return () => testbed.close();
}
