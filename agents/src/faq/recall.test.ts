import { describe, expect, test } from 'vitest';
import { RECALL_LIMITS, leadingSource, recall } from './recall.ts';
import { splitMarkdown } from './split-markdown.ts';

const passagesOf = (files: Record<string, string>) =>
  Object.entries(files).flatMap(([source, text]) => splitMarkdown(text, { source, linkBase: '..' }));

const passages = passagesOf({
  'redis.md': `# Handling a Redis outage

Redis holds tickets only.

## Impact

Tasks wait in Postgres.

## Prevention

Use a replica and rehearse with a test stack.

## Troubleshooting

Compare the addresses.

## Related

- [Postgres outage](postgres.md)
`,
  'postgres.md': '# Handling a Postgres outage\n\nThe log is here.\n\n## Impact\n\nNothing is accepted.\n',
  'zh.md': '# 監控系統健康\n\nOps Agent 用健康檢查監控每個服務。\n',
});

const ids = (question: string, limit?: number) => recall(question, passages, limit).map(({ id }) => id);

describe('recall', () => {
  test('the document that the question names is found', () => {
    expect(recall('Test question during Redis outage', passages)[0]?.source).toBe('redis.md');
  });

  test('a small typo and a longer form still find it', () => {
    expect(recall('redis outtage', passages)[0]?.source).toBe('redis.md');
    expect(ids('How do I prevent a Redis outage?')[0]).toBe('redis.md#2');
  });

  test('introduction, troubleshooting and links of the leading document come along', () => {
    expect(ids('Redis replica').toSorted()).toEqual(expect.arrayContaining(['redis.md#0', 'redis.md#3', 'redis.md#4']));
  });

  test('sharing one word of many is not enough', () => {
    expect(ids('best accepted pasta recipe')).toEqual([]);
  });

  test.each(['', '???', 'What is this?', '🤷'])('a question without a telling word (%j) finds nothing', (question) => {
    expect(ids(question)).toEqual([]);
  });

  test('a Chinese question finds Chinese passages, also by another wording', () => {
    expect(ids('如何使用 Ops Agent 監控系統健康？')[0]).toBe('zh.md#0');
    expect(ids('怎麼檢查系統健康？')[0]).toBe('zh.md#0');
    expect(ids('如何分析錯誤日誌？')).toEqual([]);
  });

  test('the English words of a Chinese question find passages where nothing is Chinese', () => {
    const english = passages.filter(({ source }) => source !== 'zh.md');
    expect(recall('Redis 掛了怎麼辦？', english)[0]?.source).toBe('redis.md');
    expect(recall('如何分析錯誤日誌？', english)).toEqual([]);
  });

  test('the limit holds, and companions stand within it', () => {
    const many = passagesOf(
      Object.fromEntries(
        Array.from({ length: 40 }, (_, n) => [`${n}.md`, `# Redis ${n}\n\nOutage.\n\n## A\n\nRedis.\n`]),
      ),
    );
    expect(recall('Redis outage', many)).toHaveLength(RECALL_LIMITS.passages);
    expect(ids('Redis outage', 3)).toHaveLength(3);
    expect(ids('Redis outage', 2)).toHaveLength(2);
  });

  test('the same question finds the same passages in the same order, whatever their order was', () => {
    const once = ids('Redis outage');
    expect(once.length).toBeGreaterThan(3);
    expect(recall('Redis outage', passages.toReversed()).map(({ id }) => id)).toEqual(once);
  });

  test('a question of 2,000 characters is answered', () => {
    expect(ids('redis outage '.repeat(150))[0]).toMatch(/^redis/);
    expect(ids('監控系統健康'.repeat(300))).toBeInstanceOf(Array);
  });
});

test('the leading source is that of many passages in front, not of the single best', () => {
  const [a, b] = [passages[0], passages[5]];
  if (!a || !b) throw new Error('no passages');
  expect(leadingSource([b, a, a, a, a])).toBe(a.source);
  expect(leadingSource([b, a])).toBe(b.source);
  expect(leadingSource([])).toBeUndefined();
});
