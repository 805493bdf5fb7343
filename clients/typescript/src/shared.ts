import { version } from "./version.js";

/**
 * Returns what the copies of this package share: an app may load it as ES modules and as
 * CommonJS at once.
 */
export function shared<T>(name: string, make: () => T): T {
  const all = globalThis as unknown as Record<symbol, T | undefined>;
  const key = Symbol.for(`openwearables.${name}.${version}`);
  all[key] ??= make();
  return all[key];
}
