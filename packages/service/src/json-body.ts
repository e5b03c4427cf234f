/** Reads a request's JSON so that no body can overflow the stack, and every refusal has a code. */
import { AppError } from '@morningai/core/errors';
import { LIMITS } from '@morningai/core/limits';

/** What lies around a value whose own depth is limited: the body, a list in it, an item of the list. */
const ENVELOPE_DEPTH = 3;
const DEEPEST = LIMITS.jsonDepth + ENVELOPE_DEPTH;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * @throws AppError BODY_NOT_JSON (also for bytes that are not UTF-8), JSON_TOO_COMPLEX
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  refuseDeepJson(bytes);
  try {
    return JSON.parse(utf8.decode(bytes)) as unknown;
  } catch (cause) {
    throw new AppError('BODY_NOT_JSON', bytes.length === 0 ? 'the body is empty' : 'the body is not JSON', { cause });
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** Counts brackets outside of texts. In UTF-8 no byte of a longer character looks like one of these. */
function refuseDeepJson(bytes: Uint8Array): void {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (inText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (OPENING.has(byte)) depth += 1;
    else if (CLOSING.has(byte)) depth -= 1;
    if (depth > DEEPEST)
      throw new AppError('JSON_TOO_COMPLEX', `the JSON is nested deeper than ${LIMITS.jsonDepth} levels`);
  }
}
