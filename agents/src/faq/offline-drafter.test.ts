import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { refuseDocument } from './check.ts';
import { assembleDocument } from './document.ts';
import { composeDraft, createOfflineDrafter, OFFLINE_MODEL } from './offline-drafter.ts';
import { loadPassages } from './passages.ts';
import { recall } from './recall.ts';
import { splitMarkdown } from './split-markdown.ts';
import type { Passage } from './split-markdown.ts';

const RUNBOOKS = join(import.meta.dirname, '../../../docs/runbooks');
const HISTORY = [
  'Test question during Redis outage',
  'Test retry success',
  'What is the system architecture?',
  'E2E test FAQ update',
  'What is Phase 10?',
  'How do I deploy to production?',
  'What is the worker heartbeat mechanism?',
  'How to setup MorningAI?',
  '如何使用 Ops Agent 監控系統健康？',
  '怎麼檢查系統健康？',
  '如何分析錯誤日誌？',
];

let runbooks: readonly Passage[];
beforeAll(async () => {
  runbooks = await loadPassages({ folder: RUNBOOKS, linkBase: '../runbooks' });
});

function draftOf(question: string, passages: readonly Passage[] = recall(question, runbooks)) {
  return composeDraft({ question, repository: 'RC918/morningai', passages, searched: ['redis-outage.md'] });
}

const headings = (markdown: string) => markdown.match(/^## .*$/gm);

describe('the offline drafter', () => {
  test('the question of the original gives a whole document on Redis outages', () => {
    const { title, markdown } = draftOf('Test question during Redis outage');
    expect(title).toBe('Handling a Redis outage');
    expect(markdown).toMatch(/^MorningAI does not keep work in Redis\./);
    expect(headings(markdown)).toEqual([
      '## Impact',
      '## Immediate actions',
      '## Recovery',
      '## Prevention',
      '## Related',
      '## Troubleshooting',
    ]);
    expect(markdown).toContain('redis-cli -u "$REDIS_URL" ping');
    expect(markdown).toContain('{"status":"Redis is down"}');
    expect(markdown).toContain('(../runbooks/redis-memory-and-policy.md)');
    expect(markdown).not.toContain('Not covered');
  });

  test.each(HISTORY)('%j gives a document that passes the check', (question) => {
    const document = assembleDocument({ ...draftOf(question), question, traceId: 'id', model: 'm', repository: 'a/b' });
    expect(refuseDocument(document)).toBeNull();
  });

  test('a question with an answer of its own is answered first, under its own title', () => {
    const { title, markdown } = draftOf('What does FENCED mean?');
    expect(title).toBe('What does FENCED mean?');
    expect(markdown).toMatch(/^In short:\n\n- \*\*.*`FENCED`/);
    expect(markdown).toContain('From the runbook [A worker is silent](../runbooks/worker-silent.md):');
  });

  test('a section that the question names stands alone before links and troubleshooting', () => {
    const { markdown } = draftOf('How do I prevent a Redis outage?');
    expect(headings(markdown)).toEqual(['## Prevention', '## Related', '## Troubleshooting']);
  });

  test('every sentence of it stands in the runbooks, but for the lines that say what it is', () => {
    const known = new Set(runbooks.flatMap(({ text }) => text.split('\n')));
    const own = draftOf('Test question during Redis outage').markdown.split('\n');
    expect(own.filter((line) => line !== '' && !line.startsWith('## ') && !known.has(line))).toEqual([
      'Source: the runbook [Handling a Redis outage](../runbooks/redis-outage.md), arranged without a language model.',
    ]);
  });

  test('a word that no passage has is named as not covered', () => {
    expect(draftOf('Can Redis outages be forecast?').markdown).toContain('do not mention "forecast".');
  });

  test('with nothing recalled it says so, and names what was searched', () => {
    const { title, markdown } = draftOf('What is *Phase* 10?', []);
    expect(title).toBe('No answer yet: What is *Phase* 10?');
    expect(markdown).toContain('there is no answer here yet');
    expect(markdown).toContain('- `redis-outage.md`');
    expect(markdown).toContain('## Troubleshooting');
  });

  test('a document of other headings is arranged too, deeper ones inside their section', () => {
    const text = '# Locks\n\n## Symptoms\n\nSlow.\n\n### On disk\n\nSlower.\n';
    const { title, markdown } = draftOf('locks', splitMarkdown(text, { source: 'locks.md', linkBase: '..' }));
    expect(title).toBe('Locks');
    expect(markdown).toBe(`From the runbook [Locks](../locks.md):

## Symptoms

Slow.

### On disk

Slower.

## Related

Source: the runbook [Locks](../locks.md), arranged without a language model.

## Troubleshooting

The passages found have no troubleshooting of their own. Start with [Locks](../locks.md).`);
  });

  test('it names itself honestly, and drafts the same from the same', async () => {
    const drafter = createOfflineDrafter();
    const request = { question: 'Redis', repository: 'a/b', passages: runbooks, searched: [] };
    expect(drafter.model).toBe(OFFLINE_MODEL);
    expect(await drafter.draft({ ...request, signal: AbortSignal.abort() })).toEqual(composeDraft(request));
  });
});
