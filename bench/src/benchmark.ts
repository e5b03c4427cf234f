/** What a benchmark is, and what it finds. */

export type BenchmarkOptions = {
  readonly tasks: number;
  readonly rounds: number;
  readonly slots: number;
  /** A folder for CPU profiles of the services. */
  readonly profile: string | undefined;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
};

export type Benchmark = {
  readonly name: string;
  readonly about: string;
  /** Tasks or samples per round, unless asked otherwise. */
  readonly tasks: number;
  /** Of the worker, unless asked otherwise; default 1,000. */
  readonly slots?: number;
  run(options: BenchmarkOptions): Promise<Result>;
};

export type Table = { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

export type Result = {
  readonly name: string;
  /** Of the backends that ran. */
  readonly versions: string;
  readonly tables: readonly Table[];
  /** Everything measured, round by round. */
  readonly raw: unknown;
  /** What is wrong with the ledger; a speed with a wrong ledger is none. */
  readonly problems: readonly string[];
};
