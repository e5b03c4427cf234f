import type { Writable } from 'node:stream';
import type { OrchestratorFrame, OrchestratorMessage } from '@morningai/rpc/worker';

type Message = NonNullable<OrchestratorMessage['message']>;

/** Well under the message limit: an assignment has at most 256 KiB of input. */
const FRAME_BYTES = 1024 * 1024;
const MESSAGE_BYTES = 150;
/** Of what the worker has not read. Beyond it, it is given nothing new; what was claimed for its slots by then still comes. */
const BEHIND_BYTES = 4 * 1024 * 1024;
/** Of answers alone: they are as many as it says things, so who does not read them could make them any number. */
const ANSWERS_BYTES_MAX = 16 * 1024 * 1024;

export type OutboxOptions = {
  /** It has more to read than is good for it; false: it has read it. */
  readonly onBehind: (behind: boolean) => void;
  /** It does not read its answers: called once, and nothing is written any more. */
  readonly onFull: () => void;
};

/**
 * Gathers what is sent in one turn of the event loop into frames. What waits here is bounded: assignments by the worker's slots, and it
 * gets none while it is behind; answers by their bytes.
 */
export function createOutbox(
  stream: Pick<Writable, 'write' | 'writableEnded'>,
  { onBehind, onFull }: OutboxOptions,
): (message: Message) => void {
  let waiting: { readonly message: Message; readonly size: number }[] = [];
  let unread = 0;
  let answers = 0;
  let behind = false;
  let full = false;

  const write = (frame: OrchestratorFrame, bytes: number, ofAnswers: number) => {
    if (stream.writableEnded) return;
    stream.write(frame, () => {
      unread -= bytes;
      answers -= ofAnswers;
      if (behind && unread <= BEHIND_BYTES / 2) onBehind((behind = false));
    });
  };

  const flush = () => {
    const messages = waiting;
    waiting = [];
    if (full) return;
    let frame: OrchestratorFrame = { messages: [] };
    let [bytes, ofAnswers] = [0, 0];
    for (const { message, size } of messages) {
      if (bytes > 0 && bytes + size > FRAME_BYTES) {
        write(frame, bytes, ofAnswers);
        [frame, bytes, ofAnswers] = [{ messages: [] }, 0, 0];
      }
      frame.messages.push({ message });
      bytes += size;
      if (message.$case !== 'assigned') ofAnswers += size;
    }
    write(frame, bytes, ofAnswers);
  };

  return (message) => {
    if (full) return;
    const size = sizeOf(message);
    unread += size;
    if (message.$case !== 'assigned') answers += size;
    if (waiting.length === 0) setImmediate(flush);
    waiting.push({ message, size });
    if (answers > ANSWERS_BYTES_MAX) {
      full = true;
      waiting = [];
      onFull();
    } else if (!behind && unread > BEHIND_BYTES) onBehind((behind = true));
  };
}

function sizeOf(message: Message): number {
  switch (message.$case) {
    case 'assigned': {
      const { inputJson, labels } = message.value;
      return MESSAGE_BYTES + Buffer.byteLength(inputJson) + Buffer.byteLength(JSON.stringify(labels));
    }
    case 'fenced':
      return MESSAGE_BYTES + message.value.reason.length;
    default:
      return MESSAGE_BYTES;
  }
}
