import { expect, test } from 'vitest';
import { isRelated, isTroubleshooting } from './headings.ts';

test.each(['Troubleshooting', 'Common troubleshooting tips', '疑難排解'])('%s is troubleshooting', (heading) => {
  expect([isTroubleshooting(heading), isRelated(heading)]).toEqual([true, false]);
});

test.each(['Related', 'Related documentation links', 'See also', '相關連結'])('%s is related', (heading) => {
  expect([isTroubleshooting(heading), isRelated(heading)]).toEqual([false, true]);
});

test.each(['Impact', 'Unrelated changes', 'Relatedness'])('%s is neither', (heading) => {
  expect([isTroubleshooting(heading), isRelated(heading)]).toEqual([false, false]);
});
