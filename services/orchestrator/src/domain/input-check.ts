/** Checks inputs against an agent's JSON Schema. Compiled schemas are kept, a bounded number of them. */
import { AppError } from '@morningai/core/errors';
import type { Json } from '@morningai/core/task';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { LRUCache } from 'lru-cache';

const SCHEMAS_KEPT = 1_000;
const ERRORS_SHOWN = 10;

export type InputCheck = {
  /** @throws AppError REQUEST_INVALID: the text is no JSON Schema (draft 2020-12) */
  compile(schemaText: string): void;
  /** @throws AppError INPUT_INVALID with what is wrong where */
  check(agent: string, schemaText: string, input: Json): void;
};

export function createInputCheck(): InputCheck {
  const compiled = new LRUCache<string, ValidateFunction>({ max: SCHEMAS_KEPT });

  const validatorOf = (schemaText: string) => {
    const known = compiled.get(schemaText);
    if (known !== undefined) return known;
    // An instance per schema: two agents may use one $id, and a dropped schema takes its instance along.
    const ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: true });
    addFormats.default(ajv);
    let validate: ValidateFunction;
    try {
      validate = ajv.compile(JSON.parse(schemaText) as object);
    } catch (cause) {
      throw new AppError('REQUEST_INVALID', `the input schema is no JSON Schema: ${(cause as Error).message}`, {
        cause,
      });
    }
    if ('$async' in validate) throw new AppError('REQUEST_INVALID', 'the input schema must not be $async');
    compiled.set(schemaText, validate);
    return validate;
  };

  return {
    compile: (schemaText) => void validatorOf(schemaText),
    check(agent, schemaText, input) {
      const validate = validatorOf(schemaText);
      if (passes(validate, input)) return;
      const problems = (validate.errors ?? []).slice(0, ERRORS_SHOWN).map(({ instancePath, message }) => ({
        path: instancePath === '' ? '/' : instancePath,
        message: message ?? 'is wrong',
      }));
      const text = problems.map(({ path, message }) => `${path} ${message}`).join('; ');
      throw new AppError('INPUT_INVALID', `${agent} does not take this input: ${text}`, { details: { problems } });
    },
  };
}

/** A schema that refers to itself without end must not be taken for a fault of ours. */
function passes(validate: ValidateFunction, input: Json): boolean {
  try {
    return validate(input);
  } catch (cause) {
    throw new AppError(
      'INPUT_INVALID',
      `the agent's schema cannot be applied to this input: ${(cause as Error).message}`,
      { cause },
    );
  }
}
