/** Makes foreign text safe to stand inside one line of Markdown. */

/** Line breaks and other control characters, and the marks that reverse the direction of the text around them. */
const INVISIBLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** What could open code, emphasis, a link, HTML, strikethrough or an entity. `snake_case` inside a word cannot. */
const MARKUP = /[\\`*[\]<~]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|&(?=#?\w+;)/gu;

/** The text on one line, with nothing in it that Markdown or HTML would act on. Plain words come back unchanged. */
export function asMarkdownLine(text: string): string {
  return text.replace(INVISIBLE, ' ').replace(/\s+/g, ' ').trim().replace(MARKUP, '\\$&');
}
