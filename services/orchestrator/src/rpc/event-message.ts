import type { LogEvent } from '@morningai/log/read';
import type { Event } from '@morningai/rpc/tasks';

export function eventMessage(event: LogEvent): Event {
  const { dataText, position, ...rest } = event;
  return { ...rest, position: BigInt(position), dataJson: dataText };
}
