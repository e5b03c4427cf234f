/** A fault of the product, made on purpose to show that somebody sees it. It exists only as text here, and in a copy of the tree. */
export type Bug = {
  readonly name: string;
  /** What is wrong then. */
  readonly says: string;
  /** Who must see it: the simulation of dispatching, or random drills on real servers. */
  readonly seenBy: 'simulation' | 'drills';
  /** What must hold and does not, in the words of FAULTS: "4 one outcome per life". */
  readonly breaks: string;
  /** Of random drills: the invariants that this breaks. What else is violated then is no proof that it was seen. */
  readonly invariants?: readonly string[];
  readonly patches: readonly Patch[];
};

/** `find` stands exactly once in the file, or the bug is out of date. */
export type Patch = { readonly file: string; readonly find: string; readonly replace: string };
