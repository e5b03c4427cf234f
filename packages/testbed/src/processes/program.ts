import type { Component } from '../backend.ts';
import type { Answer } from '../probes/answer.ts';

/** What differs between the servers; process-backend.ts does the rest. */
export interface Program {
  readonly component: Component;
  readonly file: string;
  args(place: ProgramPlace): string[];
  url(port: number): string;
  /** For a graceful stop. */
  readonly stopSignal: NodeJS.Signals;
  /** For a quick end that leaves nothing in the kernel; SIGKILL does for most. */
  readonly quitSignal?: NodeJS.Signals;
  /** Fills an empty data folder, where the server does not do that by itself. */
  prepare?(dataFolder: string): Promise<void>;
  /** True when what answered on the port is this very child. */
  isOurs(answer: Answer, place: ProgramPlace & { pid: number }): boolean;
}

export interface ProgramPlace {
  readonly port: number;
  /** Real path. */
  readonly dataFolder: string;
}
