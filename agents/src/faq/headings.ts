/** The two sections that every document ends with, by their headings, in the languages that drafts come in. Pure. */

const TROUBLESHOOTING = /troubleshoot|故障排除|疑難排解|疑难解答|問題排查|问题排查|故障排查/i;
const RELATED = /^(?:related\b|see also\b|相關|相关)/i;

/** True for the section that says what to check when something does not work. */
export function isTroubleshooting(heading: string): boolean {
  return TROUBLESHOOTING.test(heading);
}

/** True for the section of links to other documents. */
export function isRelated(heading: string): boolean {
  return RELATED.test(heading);
}
