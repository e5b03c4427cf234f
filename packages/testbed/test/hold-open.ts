// A program for nothing-left-behind.int.test.ts: opens a testbed, says what runs, and waits to be killed.
import { openTestbed } from '../src/testbed.ts';

const testbed = await openTestbed();
await testbed.redis.freeze();
const running = [testbed.postgres, testbed.redis, testbed.nats].map((backend) => backend.running);
process.stdout.write(`${JSON.stringify(running)}\n`);
setInterval(() => undefined, 60_000);
