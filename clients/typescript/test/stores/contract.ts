import type { Store } from "../../src/index.js";

/** Checks the contract of a store. All stores of make share one record. */
export async function contract(make: () => Store): Promise<void> {
  const [store, other] = [make(), make()];
  const expect = async (what: string, got: Promise<unknown>, want: unknown) => {
    const value = await got;
    if (value !== want) {
      throw new Error(`${what}: ${String(value)}, want ${String(want)}`);
    }
  };
  await expect("nothing", store.load(), undefined);
  await expect("save over what is not there", store.save("one", "none"), false);
  await expect("save", store.save("one", undefined), true);
  await expect("load elsewhere", other.load(), "one");
  await expect("save over nothing", other.save("two", undefined), false);
  await expect("save over another", other.save("three", "two"), false);
  await expect("replace", other.save("two", "one"), true);
  await expect("clear another", store.clear("one"), false);
  await expect("clear nothing", store.clear(undefined), false);
  await expect("load", store.load(), "two");
  await expect("clear", store.clear("two"), true);
  await expect("load what is cleared", other.load(), undefined);
  const both = [store.save("a", undefined), other.save("b", undefined)];
  await expect(
    "winners",
    Promise.all(both).then((r) => r.filter(Boolean).length),
    1,
  );
  await expect("clear the winner", store.clear(await store.load()), true);

  const unlock = await store.lock?.(new AbortController().signal);
  if (unlock) {
    const busy = other.lock?.(AbortSignal.timeout(100)).then(
      () => "free",
      () => "taken",
    );
    await expect("a lock that is held", Promise.resolve(busy), "taken");
    unlock();
    (await other.lock?.(AbortSignal.timeout(1_000)))?.();
  }
}
