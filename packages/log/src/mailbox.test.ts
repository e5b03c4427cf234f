import { describe, expect, test } from 'vitest';
import { createMailbox, type Letter, type Urgency } from './mailbox.ts';

type Named = Letter & { readonly name: string };

const LIMITS = { commands: 8, bytes: 1_000 };
const BATCH = { commands: 4, bytes: 100 };
const mailboxOf = (limits = LIMITS, batch = BATCH) => createMailbox<Named>(limits, batch);
const letter = (urgency: Urgency, name = '', bytes = 1): Named => ({ urgency, name, bytes });
const all = () => true;
const names = (letters: readonly Named[]) => letters.map(({ name }) => name);

function refuses(put: () => void): boolean {
  try {
    put();
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'OVERLOADED', retryable: true });
    return true;
  }
}

describe('under pressure', () => {
  test('outcomes go first, then claims, then submits, each kind in its order', () => {
    const mailbox = mailboxOf(LIMITS, { commands: 10, bytes: 100 });
    for (const [index, urgency] of (['submit', 'claim', 'outcome', 'submit', 'outcome', 'claim'] as const).entries()) {
      mailbox.put(letter(urgency, `${urgency} ${index}`));
    }
    expect(names(mailbox.take(all))).toEqual(['outcome 2', 'outcome 4', 'claim 1', 'claim 5', 'submit 0', 'submit 3']);
    expect(mailbox.size).toBe(0);
  });

  test('submits are refused first, then claims, outcomes never', () => {
    const mailbox = mailboxOf();
    for (let n = 0; n < LIMITS.commands; n += 1) mailbox.put(letter('submit'));
    expect(refuses(() => mailbox.put(letter('submit')))).toBe(true);
    expect(refuses(() => mailbox.put(letter('claim')))).toBe(false);
    expect(refuses(() => mailbox.put(letter('claim')))).toBe(false);
    expect(refuses(() => mailbox.put(letter('claim')))).toBe(true);
    for (let n = 0; n < 100; n += 1) expect(refuses(() => mailbox.put(letter('outcome')))).toBe(false);
  });

  test('bytes count like commands', () => {
    const mailbox = mailboxOf();
    mailbox.put(letter('submit', '', LIMITS.bytes));
    expect(refuses(() => mailbox.put(letter('submit')))).toBe(true);
    expect(refuses(() => mailbox.put(letter('claim', '', LIMITS.bytes / 4)))).toBe(false);
    expect(refuses(() => mailbox.put(letter('claim')))).toBe(true);
    expect(refuses(() => mailbox.put(letter('outcome', '', LIMITS.bytes)))).toBe(false);
  });

  test('room that was made can be used again', () => {
    const mailbox = mailboxOf();
    for (let n = 0; n < LIMITS.commands; n += 1) mailbox.put(letter('submit', '', 125));
    mailbox.take(all);
    expect(refuses(() => mailbox.put(letter('submit')))).toBe(false);
    mailbox.remove(all);
    for (let n = 0; n < LIMITS.commands; n += 1) mailbox.put(letter('submit', '', 124));
    expect(mailbox.size).toBe(LIMITS.commands);
  });
});

describe('a batch', () => {
  test('has no more commands and bytes than it may', () => {
    const mailbox = mailboxOf();
    for (const name of ['a', 'b', 'c', 'd', 'e']) mailbox.put(letter('submit', name));
    expect(names(mailbox.take(all))).toEqual(['a', 'b', 'c', 'd']);
    mailbox.put(letter('submit', 'large', 99));
    mailbox.put(letter('submit', 'small', 1));
    // Nobody overtakes his own kind.
    expect(names(mailbox.take(all))).toEqual(['e', 'large']);
    expect(names(mailbox.take(all))).toEqual(['small']);
  });

  test('takes even a letter that is larger than a batch, alone', () => {
    const mailbox = mailboxOf();
    mailbox.put(letter('submit', 'huge', 900));
    mailbox.put(letter('submit', 'next'));
    expect(names(mailbox.take(all))).toEqual(['huge']);
    expect(names(mailbox.take(all))).toEqual(['next']);
  });

  test('leaves those that must wait in their place', () => {
    const mailbox = mailboxOf();
    for (const name of ['a', 'b', 'c']) mailbox.put(letter('claim', name));
    expect(names(mailbox.take(({ name }) => name === 'b'))).toEqual(['b']);
    expect(names(mailbox.take(all))).toEqual(['a', 'c']);
  });

  test('that is put back goes ahead of its kind, in its order, also into a full mailbox', () => {
    const mailbox = mailboxOf();
    for (const name of ['a', 'b', 'c', 'd']) mailbox.put(letter('submit', name));
    const taken = mailbox.take(all);
    for (let n = 0; n < LIMITS.commands; n += 1) mailbox.put(letter('submit', `later ${n}`));
    mailbox.putBack(taken);
    expect(mailbox.size).toBe(LIMITS.commands + 4);
    expect(refuses(() => mailbox.put(letter('submit')))).toBe(true);
    expect(names(mailbox.take(all))).toEqual(['a', 'b', 'c', 'd']);
  });
});

test('more outcomes than a stack is deep are held and given out in their order', () => {
  const mailbox = mailboxOf(LIMITS, { commands: 500, bytes: 1_000_000 });
  const many = 200_000;
  for (let n = 0; n < many; n += 1) mailbox.put(letter('outcome', String(n)));
  mailbox.putBack(mailbox.take(all));
  expect(names(mailbox.take(all).slice(0, 3))).toEqual(['0', '1', '2']);
  expect(mailbox.remove(all)).toHaveLength(many - 500);
  expect(mailbox.size).toBe(0);
});

test('what need not go any more is taken out, the rest keeps its order', () => {
  const mailbox = mailboxOf();
  for (const name of ['a', 'b', 'c']) mailbox.put(letter('submit', name));
  mailbox.put(letter('outcome', 'd'));
  expect(names(mailbox.remove(({ name }) => 'bd'.includes(name)))).toEqual(['d', 'b']);
  expect(names(mailbox.take(all))).toEqual(['a', 'c']);
});
