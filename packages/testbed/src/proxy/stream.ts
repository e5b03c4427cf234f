// One direction of one connection: bytes in at `source`, out at `sink`, perhaps later, perhaps never.
import type { Socket } from 'node:net';

/** Bytes held back for latency, or because the sink is slow, before the source is told to wait. */
const HIGH_WATER_BYTES = 1024 * 1024;

type Piece = { arrivedAt: number; bytes: Buffer | 'end' };

export interface StreamRules {
  latencyMs(): number;
  isBlackHole(): boolean;
  /** How many of the bytes may still pass; the stream calls `cut` when they have. */
  allowance(): number;
  passed(bytes: number): void;
  swallowed(bytes: number): void;
  cut(): void;
}

export function createStream(source: Socket, sink: Socket, rules: StreamRules): { update(): void; stop(): void } {
  const pieces: Piece[] = [];
  let heldBytes = 0;
  let sinkIsFull = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  source.on('data', (bytes: Buffer) => take({ arrivedAt: performance.now(), bytes }));
  source.on('end', () => take({ arrivedAt: performance.now(), bytes: 'end' }));
  sink.on('drain', () => {
    sinkIsFull = false;
    update();
  });

  function take(piece: Piece): void {
    if (stopped) return;
    pieces.push(piece);
    heldBytes += sizeOf(piece);
    if (heldBytes > HIGH_WATER_BYTES) source.pause();
    update();
  }

  /** Sends what is due under the rules as they are now. */
  function update(): void {
    clearTimeout(timer);
    if (stopped) return;
    if (rules.isBlackHole()) swallow();
    for (let piece = pieces[0]; piece && !sinkIsFull; piece = pieces[0]) {
      const waitMs = piece.arrivedAt + rules.latencyMs() - performance.now();
      if (waitMs > 0) {
        timer = setTimeout(update, Math.ceil(waitMs));
        break;
      }
      pieces.shift();
      heldBytes -= sizeOf(piece);
      if (!send(piece)) return stop();
    }
    if (heldBytes <= HIGH_WATER_BYTES && source.isPaused()) source.resume();
  }

  function send({ bytes }: Piece): boolean {
    if (bytes === 'end') {
      sink.end();
      return true;
    }
    const allowed = bytes.subarray(0, rules.allowance());
    rules.passed(allowed.length);
    if (allowed.length < bytes.length) {
      sink.write(allowed, () => rules.cut());
      return false;
    }
    sinkIsFull = !sink.write(allowed);
    return true;
  }

  function swallow(): void {
    if (pieces.length === 0) return;
    rules.swallowed(heldBytes);
    pieces.length = 0;
    heldBytes = 0;
  }

  function stop(): void {
    stopped = true;
    clearTimeout(timer);
  }

  return { update, stop };
}

function sizeOf(piece: Piece): number {
  return piece.bytes === 'end' ? 0 : piece.bytes.length;
}
