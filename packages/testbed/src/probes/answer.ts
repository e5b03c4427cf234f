import type { Component } from '../backend.ts';
import { natsAnswer } from './nats.ts';
import { postgresAnswer } from './postgres.ts';
import { redisAnswer } from './redis.ts';

/** What a server says about itself when asked in its own protocol. */
export interface Answer {
  version: string;
  pid?: number;
  /** NATS' server name. */
  name?: string;
  /** Postgres' data folder, where we may know it. */
  dataFolder?: string;
}

/** Asks once over a new connection; throws when there is no good answer in time. */
export type Probe = (url: string, timeoutMs: number) => Promise<Answer>;

export const PROBES: Readonly<Record<Component, Probe>> = {
  postgres: postgresAnswer,
  redis: redisAnswer,
  nats: natsAnswer,
};
