// The platform's types as exported signatures name them. They may be missing: the
// declarations of this package need neither the DOM library nor those of Node.
type Instance<K extends string, F> =
  typeof globalThis extends Record<K, { prototype: infer T }> ? T : F;

/** An AbortSignal. */
export type Signal = Instance<"AbortSignal", { readonly aborted: boolean }>;

/** The Headers of fetch. */
export type HeaderMap = Instance<
  "Headers",
  { get(name: string): string | null; has(name: string): boolean }
>;

/** The fetch function. */
export type Fetch = typeof globalThis extends { fetch: infer T }
  ? T
  : (input: string, init: object) => Promise<object>;
