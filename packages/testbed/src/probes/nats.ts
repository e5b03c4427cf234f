import type { Probe } from './answer.ts';
import { converse } from './conversation.ts';

/** NATS speaks first: one INFO line, before TLS and before authentication. */
export const natsAnswer: Probe = async (address, timeoutMs) => {
  const heard = await converse({
    url: new URL(address),
    defaultPort: 4222,
    tls: false,
    say: '',
    isComplete: (text) => text.includes('\r\n'),
    timeoutMs,
  });
  const line = heard.slice(0, heard.indexOf('\r\n'));
  if (!line.startsWith('INFO ')) throw new Error(`NATS answered ${line.slice(0, 200)}`);
  const info = JSON.parse(line.slice('INFO '.length)) as { version: string; server_name: string; jetstream?: boolean };
  if (info.jetstream !== true) throw new Error('NATS runs without JetStream');
  return { version: info.version, name: info.server_name };
};
