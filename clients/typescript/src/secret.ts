import { hex } from "./encoding.js";
import { shared } from "./shared.js";

const values = () => shared("secrets", () => new WeakMap<object, string>());

const prefixes = /^(ow_live_|ow_test_|secret_|rt_|whsec_)?/;

/**
 * A credential that cannot be printed by accident: strings, templates, JSON,
 * console.log and util.inspect show a fingerprint such as `rt_…a1b2`. Only reveal()
 * returns the value.
 */
export class Secret {
  constructor(value: string) {
    values().set(this, value);
  }

  /** Returns the value. */
  reveal(): string {
    return values().get(this) ?? "";
  }

  /**
   * Returns the public prefix and 16 bits of a hash: enough to tell two secrets
   * apart in a log, not enough to test a guess.
   */
  toString(): string {
    const value = this.reveal();
    let hash = 0x811c9dc5;
    for (let i = 0; i < value.length; i++) {
      hash = Math.imul(hash ^ value.charCodeAt(i), 0x01000193);
    }
    return `${prefixes.exec(value)?.[0] ?? ""}…${hex((hash ^ (hash >>> 16)) & 0xffff, 4)}`;
  }

  toJSON(): string {
    return this.toString();
  }

  get [Symbol.toStringTag](): string {
    return `Secret ${this}`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/** Returns the value of a secret, or a text as it is. */
export function revealed(found: string | Secret): string {
  const { reveal } = Object(found) as Partial<Secret>;
  return reveal ? reveal.call(found as Secret) : (found as string);
}
