/** A worker's stream between two simulated processes: what one says the other hears in order, each as itself. */
import { EventEmitter } from 'node:events';
import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import type { OrchestratorFrame, OrchestratorMessage, WorkerFrame, WorkerMessage } from '@morningai/rpc/worker';
import type { Host, VirtualTime } from './virtual-time.ts';

type ServerStream = ServerDuplexStream<WorkerFrame, OrchestratorFrame>;

export type WorkerEnd = {
  readonly hear: (message: NonNullable<OrchestratorMessage['message']>) => void;
  /** The stream is gone. */
  readonly onBreak: () => void;
};

export type Link = {
  readonly server: ServerStream;
  say(message: NonNullable<WorkerMessage['message']>): void;
  /** From the worker's side, or by the network: the orchestrator finds it cancelled. */
  cut(): void;
};

export function createLink(time: VirtualTime, hosts: { orchestrator: Host; worker: Host }, end: WorkerEnd): Link {
  let broken = false;
  const breakWorker = () => {
    if (broken) return;
    broken = true;
    time.post(hosts.worker, end.onBreak);
  };
  const emitter = new EventEmitter();
  const server = Object.assign(emitter, {
    metadata: new Metadata(),
    destroyed: false,
    cancelled: false,
    writableEnded: false,
    getPath: () => '/morningai.v1.WorkerService/Work',
    /** @param onRead its reader has it */
    write(frame: OrchestratorFrame, onRead: () => void = () => undefined) {
      if (broken) return false;
      time.post(hosts.worker, () => {
        if (!broken) for (const { message } of frame.messages) if (message !== undefined) end.hear(message);
        time.post(hosts.orchestrator, onRead);
      });
      return true;
    },
    end() {
      server.writableEnded = true;
      server.destroyed = true;
      breakWorker();
      server.emit('close');
    },
  });
  // An error that is sent ends the stream.
  emitter.on('error', () => server.end());
  return {
    // Of a real stream it has what `work` uses.
    server: server as unknown as ServerStream,
    say(message) {
      if (broken) return;
      time.post(hosts.orchestrator, () => {
        if (!server.cancelled && !server.destroyed) server.emit('data', { messages: [{ message }] });
      });
    },
    cut() {
      breakWorker();
      time.post(hosts.orchestrator, () => {
        if (server.cancelled) return;
        server.cancelled = true;
        server.emit('cancelled');
        server.emit('close');
      });
    },
  };
}
