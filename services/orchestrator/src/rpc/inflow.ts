import type { Readable } from 'node:stream';
import type { WorkerMessage } from '@morningai/rpc/worker';

type Message = NonNullable<WorkerMessage['message']>;

const MESSAGE_BYTES = 300;
/** Of what one worker said and is being recorded. */
const RECORDING_BYTES_MAX = 32 * 1024 * 1024;

/**
 * The log refuses no outcome, however many wait; so a worker that says more than is recorded meanwhile (Postgres is away, or the worker
 * is mad) is not read on until there is room. Its heartbeats wait too: it gets nothing new then.
 *
 * @returns tells of a message that is being recorded
 */
export function createInflow(
  stream: Pick<Readable, 'pause' | 'resume'>,
): (message: Message, recording: Promise<void>) => void {
  let bytes = 0;
  let paused = false;
  return (message, recording) => {
    const size = sizeOf(message);
    bytes += size;
    if (!paused && bytes > RECORDING_BYTES_MAX) {
      paused = true;
      stream.pause();
    }
    const over = () => {
      bytes -= size;
      if (!paused || bytes > RECORDING_BYTES_MAX / 2) return;
      paused = false;
      stream.resume();
    };
    recording.then(over, over);
  };
}

function sizeOf(message: Message): number {
  switch (message.$case) {
    case 'completed':
      return MESSAGE_BYTES + message.value.outputJson.length;
    case 'stepRecorded':
      return MESSAGE_BYTES + (message.value.outcome?.$case === 'outputJson' ? message.value.outcome.value.length : 0);
    case 'failed':
      return MESSAGE_BYTES + (message.value.failure?.message.length ?? 0);
    default:
      return MESSAGE_BYTES;
  }
}
