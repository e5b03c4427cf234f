import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { openPool } from '@morningai/log/pool';
import { redisPlace } from '@morningai/queue/redis-place';
import { openTestbed } from '@morningai/testbed';
import { expect, test } from 'vitest';
import { runCli, startStack } from './start-cli.ts';

test('replay, why, verify and queue move speak to the running stack', { timeout: 240_000 }, async () => {
  await using stack = await startStack();
  const run = (...args: readonly string[]) => runCli(['--folder', stack.folder, ...args]);
  const json = async <T>(...args: readonly string[]) => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as T;
  };
  const dueAt = new Date(Date.now() + 3_600_000).toISOString();
  const later = await json<{ id: string }>('submit', 'echo', '{}', '--due-at', dueAt);
  expect(await json('why', later.id)).toMatchObject({
    status: 'scheduled',
    reason: 'DUE_LATER',
    lane: null,
  });
  expect((await run('why', later.id)).stdout).toContain('DUE_LATER: it is due at');
  expect(await run('why', 'nonsense')).toMatchObject({ code: 2 });

  const { databaseUrl } = await stack.stackFile();
  const pool = openPool({ url: databaseUrl, name: 'superuser', maxConnections: 1, role: null });
  await pool.query({ name: '', sql: 'DELETE FROM tasks' }, []);
  await pool.close();
  expect(await run('verify')).toMatchObject({ code: 1 });
  const dry = await run('replay', '--dry-run');
  expect(dry).toMatchObject({ code: 1 });
  expect(dry.stdout).toContain('1 differences found, nothing changed');
  expect(await json('replay')).toMatchObject({
    dryRun: false,
    tables: { tasks: { missing: 1, extra: 0, different: 0 } },
  });
  expect(await run('replay', '--dry-run')).toMatchObject({ code: 0 });
  expect(await json('verify')).toMatchObject({ problems: [], tickets: { tasks: 0, stale: 0, unknown: [] } });

  const [, anchor = ''] = /^anchor +(\S+)$/m.exec((await run('verify')).stdout) ?? [];
  await json('submit', 'echo', '{}', '--wait');
  expect(await run('verify', '--anchor', anchor)).toMatchObject({ code: 0 });
  const forged = await run(
    'verify',
    '--anchor',
    anchor.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')),
  );
  expect(forged).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('the chain is not the one that was anchored'),
  });

  await movesQueue(run, json);

  const redisAway = { REDIS_URL: 'redis://127.0.0.1:9', DATABASE_URL: databaseUrl, INGEST_URL: 'http://127.0.0.1:9' };
  const blind = await runCli(['verify'], { ...redisAway, MORNINGAI_API_KEY: 'not-needed-for-this' });
  expect(blind).toMatchObject({ code: 0, stderr: '' });
  expect(blind.stdout).toContain('tickets  unknown');
  const nobody = await runCli(['verify'], { ...redisAway, MORNINGAI_API_KEY: 'x', DATABASE_ROLE: 'nobody' });
  expect([nobody.code, nobody.stderr]).toEqual([3, expect.stringContaining('role "nobody" does not exist')]);
});

type Run = (...args: readonly string[]) => ReturnType<typeof runCli>;
type Json = <T>(...args: readonly string[]) => Promise<T>;

/** To another Redis, by a second word only; what asks Redis asks that one, also when the one before is gone. */
async function movesQueue(run: Run, json: Json): Promise<void> {
  await using other = await openTestbed({ components: ['redis'] });
  const to = other.redis.url;
  const place = redisPlace(to);
  const unsure = await run('queue', 'move', '--to', to);
  expect(unsure).toMatchObject({ code: 2, stderr: expect.stringContaining('say --yes') as string });
  expect(unsure.stdout).toContain('it would be moved there');
  const moved = await run('queue', 'move', '--to', to, '--yes', '--json');
  expect(moved).toMatchObject({ code: 0, stderr: expect.stringMatching(/^checked .*\nmoved .*\nopen /) as string });
  expect(JSON.parse(moved.stdout)).toMatchObject({
    dryRun: false,
    to: place,
    oldKeys: { state: 'deleted' },
    orchestrators: { living: 1, followed: 1 },
  });
  expect((await run('queue')).stdout).toContain(`redis ${place}, moved there at`);
  expect(await run('stack', 'kill', 'redis')).toMatchObject({ code: 0 });
  await json('submit', 'echo', '{}', '--wait');
  expect(await json('verify')).toMatchObject({ problems: [], tickets: { unknown: [] } });
}

test('replay does not wait for an orchestrator that takes the call and says nothing', { timeout: 60_000 }, async () => {
  const frozen = createServer().listen(0, '127.0.0.1');
  await once(frozen, 'listening');
  const { port } = frozen.address() as AddressInfo;
  const env = { INGEST_URL: 'http://127.0.0.1:9', MORNINGAI_API_KEY: 'x', ORCHESTRATOR_ADDRESS: `127.0.0.1:${port}` };
  const { code, stderr } = await runCli(['replay'], env);
  frozen.close();
  expect([code, stderr]).toEqual([
    3,
    expect.stringMatching(/^ORCHESTRATOR_UNAVAILABLE: .* says nothing for \d+ ms\n$/),
  ]);
});
