/** The words of a text as the ranking sees them: lower case, identifiers in their parts, Chinese in pairs. Pure. */

/** A run of a script without spaces between its words, or a word of any other. */
const RUNS =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]+|[[\p{L}\p{M}\p{N}]--[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]]+/gv;
const UNSPACED = /^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]/v;

/** Says nothing about the subject: function words, question words, and what every document here is about anyway. */
const EMPTY_WORDS = `a an the and or but if of in on at by for from to into with without during after before as is are was were be been am
  do does did done can could should would will may might must have has had i you he she it we they me my your our its
  this that these those there here what which who whom whose when where why how not no yes so than then just about
  happen happens mean means use uses used using instead want need get make now still also
  mechanism way thing problem issue
  question answer faq morningai please tell explain
  如何 怎麼 怎么 什麼 什么 為何 为何 為什 为什 請問 请问 是否 可以`;

/** Terms in order of appearance, repeats included. */
export function termsOf(text: string): string[] {
  // NFKC: full-width letters and digits, common in Chinese text, are the plain ones.
  const runs = text.normalize('NFKC').toLowerCase().match(RUNS) ?? [];
  return runs.flatMap((run) => (isUnspaced(run) ? pairsOf(run) : [singular(run)]));
}

/** False for a word that fits any subject. */
export function isTelling(term: string): boolean {
  return !EMPTY_TERMS.has(term);
}

/** True for a term of a script that puts no spaces between words. */
export function isUnspaced(term: string): boolean {
  return UNSPACED.test(term);
}

/** "tasks" and "task" are one term. Redis, status and address are no plurals. */
function singular(word: string): string {
  return word.length > 3 && word.endsWith('s') && !/(?:ss|us|is)$/.test(word) ? word.slice(0, -1) : word;
}

function pairsOf(run: string): string[] {
  const characters = Array.from(run);
  if (characters.length === 1) return characters;
  return characters.slice(1).map((character, index) => `${characters[index]}${character}`);
}

// As terms, for so they are compared: "is" and "means" lose or keep their s by the same rule.
const EMPTY_TERMS = new Set(termsOf(EMPTY_WORDS));
