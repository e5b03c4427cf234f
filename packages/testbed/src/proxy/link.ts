// One client's connection through the proxy, and its own connection to the target.
import { type Socket, connect } from 'node:net';
import type { Fault, ProxyMarks } from './fault.ts';
import { createStream } from './stream.ts';

export interface Target {
  host: string;
  port: number;
}

export interface Link {
  /** Called after the fault has changed. */
  update(): void;
  /** Ends both sides with a TCP reset. */
  reset(): void;
}

export function createLink(options: {
  client: Socket;
  target: Target;
  fault: () => Fault;
  marks: ProxyMarks;
  onClose: () => void;
}): Link {
  const { client, fault, marks } = options;
  const server = connect({ ...options.target, allowHalfOpen: true });
  // Once bytes are missing the conversation cannot go on: it ends when the partition heals.
  let lostBytes = false;
  let replyBytesLeft: number | undefined;
  let closed = false;

  const rules = {
    latencyMs: () => {
      const now = fault();
      return now.kind === 'latency' ? now.ms : 0;
    },
    isBlackHole: () => fault().kind === 'blackHole',
    passed: (bytes: number) => {
      marks.passedBytes += bytes;
      if (fault().kind === 'latency') marks.delayedBytes += bytes;
    },
    swallowed: (bytes: number) => {
      lostBytes = true;
      marks.swallowedBytes += bytes;
    },
  };
  const requests = createStream(client, server, { ...rules, allowance: () => Infinity, cut: () => undefined });
  const replies = createStream(server, client, {
    ...rules,
    allowance: () => replyBytesLeft ?? Infinity,
    passed: (bytes) => {
      rules.passed(bytes);
      if (replyBytesLeft !== undefined) replyBytesLeft -= bytes;
    },
    cut: () => {
      marks.halfReplies += 1;
      close();
    },
  });

  for (const socket of [client, server]) {
    socket.setNoDelay(true);
    // A broken side breaks the other, but not through a black hole: there nobody hears of it until it heals.
    socket.on('error', () => (rules.isBlackHole() ? (lostBytes = true) : sever()));
    socket.on('close', (hadError) => {
      if (rules.isBlackHole()) lostBytes = true;
      else if (hadError || (client.destroyed && server.destroyed)) close();
    });
  }
  update();

  function update(): void {
    const now = fault();
    replyBytesLeft = now.kind === 'halfReply' ? now.bytes : undefined;
    if (lostBytes && now.kind !== 'blackHole') return reset();
    requests.update();
    replies.update();
  }

  function reset(): void {
    if (closed) return;
    marks.resets += 1;
    sever();
  }

  function sever(): void {
    client.resetAndDestroy();
    server.resetAndDestroy();
    close();
  }

  function close(): void {
    if (closed) return;
    closed = true;
    requests.stop();
    replies.stop();
    client.destroy();
    server.destroy();
    options.onClose();
  }

  return { update, reset };
}
