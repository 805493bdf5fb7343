import { check } from "./argument.js";
import { invalidResponse } from "./error.js";
import { type List, listOf, withMore } from "./list.js";
import type { Call, Options } from "./transport.js";
import type { Rpc, Service } from "./wire.js";

type Names<Q> = readonly (keyof Q)[];
type Values<Q, P extends Names<Q>> = {
  -readonly [I in keyof P]: P[I] extends keyof Q ? Q[P[I]] : never;
};
type Rest<Q, P extends Names<Q>> = Omit<Q, P[number]>;
/** The only member of a response, undefined if it has none, and the response if it has several. */
type Single<A, K extends keyof A = keyof A> = [K] extends [never]
  ? undefined
  : K extends unknown
    ? [keyof A] extends [K]
      ? A[K]
      : A
    : never;
/** What the first member of a response lists. */
type Item<A> = { [K in keyof A]: A[K] extends (infer T)[] ? T : never }[keyof A];

type Sent<M> = M extends readonly [infer Q, unknown] ? Q : never;
type Got<M> = M extends readonly [unknown, infer A] ? A : never;

/** What makes the methods of a service. One may have the named members of its request as arguments. */
export interface Methods<R> {
  /** Returns a method whose arguments are all that it sends. */
  one<M extends keyof R, const P extends Names<Sent<R[M]>>>(
    method: M,
    ...names: P
  ): (...args: [...Values<Sent<R[M]>, P>, options?: Options]) => Promise<Single<Got<R[M]>>>;
  /** The same, and an object with the other members of the request. */
  more<M extends keyof R, const P extends Names<Sent<R[M]>>>(
    method: M,
    ...names: P
  ): (
    ...args: [...Values<Sent<R[M]>, P>, rest?: Rest<Sent<R[M]>, P>, options?: Options]
  ) => Promise<Single<Got<R[M]>>>;
  /** Returns a method that lists what the first member of its responses holds. */
  list<M extends keyof R, const P extends Names<Sent<R[M]>>>(
    method: M,
    ...names: P
  ): (...args: [...Values<Sent<R[M]>, P>, options?: Options]) => List<Item<Got<R[M]>>>;
  /** The same, and a filter. */
  filtered<M extends keyof R, const P extends Names<Sent<R[M]>>>(
    method: M,
    ...names: P
  ): (
    ...args: [...Values<Sent<R[M]>, P>, filter?: Rest<Sent<R[M]>, P>, options?: Options]
  ) => List<Item<Got<R[M]>>>;
}

type Fields = Record<PropertyKey, unknown>;

export function methodsOf<R>(call: Call, service: Service<R>): Methods<R> {
  const ask = async (
    rest: number,
    [method, ...names]: string[],
    args: unknown[],
    cursor?: object,
  ): Promise<Fields> => {
    const n = names.length;
    const request: Fields = withMore((rest ? args[n] : {}) as Fields, cursor);
    names.forEach((name, i) => {
      request[name] = args[i];
    });
    for (const name of ["scopes", "kinds"]) {
      const { length } = Object(request[name]) as { length?: number };
      check(length !== 0, "it is empty: name at least one or leave it out", name);
    }
    const rpc: Rpc<unknown, unknown> = service(method as keyof R);
    return (await call(rpc, request, args[n + rest] as Options)) as Fields;
  };
  const unary =
    (rest: number) =>
    (...of: string[]) =>
    async (...args: unknown[]) => {
      const answer = await ask(rest, of, args);
      const values = Object.values(answer);
      return values.length > 1 ? answer : values[0];
    };
  const lists =
    (rest: number) =>
    (...of: string[]) =>
    (...args: unknown[]) =>
      listOf((cursor) => ask(rest, of, args, cursor));
  return {
    one: unary(0),
    more: unary(1),
    list: lists(0),
    filtered: lists(1),
  } as unknown as Methods<R>;
}

/** Returns a method that resolves with what `map` makes of the answer of another. */
export function then<P extends unknown[], A, B>(
  method: (...args: P) => Promise<A>,
  map: (answer: A) => B,
): (...args: P) => Promise<B> {
  return async (...args) => map(await method(...args));
}

/** Returns a text that the server always sends. @throws OpenWearablesError without it */
export function given<T>(value: T, what: string): T {
  if (!value) {
    throw invalidResponse(`the response is incomplete: it has no ${what}`);
  }
  return value;
}

/** Returns a function that returns an object as it is if it has what the server always sends. */
export function having<N extends string>(
  name: N,
): <T extends { [name in N]: unknown }>(from: T) => T {
  return (from) => {
    given(from[name], name);
    return from;
  };
}
