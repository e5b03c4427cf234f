import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { OrchestratorFrame, OrchestratorMessage, WorkerFrame } from '@morningai/rpc/worker';

type Message = NonNullable<OrchestratorMessage['message']>;

/** Well under the message limit: an assignment has at most 256 KiB of input. */
const FRAME_BYTES = 1024 * 1024;
const MESSAGE_BYTES = 150;

/**
 * Gathers what is sent in one turn of the event loop into frames. What waits here is bounded by the worker's slots: one assignment
 * each, and one answer to each message of its.
 */
export function createOutbox(stream: ServerDuplexStream<WorkerFrame, OrchestratorFrame>): (message: Message) => void {
  let waiting: Message[] = [];
  const flush = () => {
    const messages = waiting;
    waiting = [];
    let frame: OrchestratorFrame = { messages: [] };
    let bytes = 0;
    for (const message of messages) {
      const size = sizeOf(message);
      if (bytes > 0 && bytes + size > FRAME_BYTES) {
        stream.write(frame);
        [frame, bytes] = [{ messages: [] }, 0];
      }
      frame.messages.push({ message });
      bytes += size;
    }
    if (!stream.writableEnded) stream.write(frame);
  };
  return (message) => {
    if (waiting.length === 0) setImmediate(flush);
    waiting.push(message);
  };
}

function sizeOf(message: Message): number {
  if (message.$case !== 'assigned') return MESSAGE_BYTES;
  const { inputJson, labels } = message.value;
  return MESSAGE_BYTES + Buffer.byteLength(inputJson) + Buffer.byteLength(JSON.stringify(labels));
}
