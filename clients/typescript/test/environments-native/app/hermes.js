// What a device gives the engine, for Hermes alone: it goes before the bundle. The Promise
// of this Hermes calls setImmediate, and its setTimeout does not wait.
(() => {
  const g = globalThis;
  const { setImmediate, setTimeout: later } = g;
  let timers = [];
  let last = 0;
  const pump = () => {
    const due = timers.findIndex((t) => t.at <= Date.now());
    if (due >= 0) {
      later(timers.splice(due, 1)[0].run);
    }
    if (timers.length) {
      later(pump);
    }
  };
  g.setTimeout = (run, ms = 0) => {
    timers.push({ id: ++last, at: Date.now() + ms, run });
    if (timers.length === 1) {
      later(pump);
    }
    return last;
  };
  g.clearTimeout = (id) => {
    timers = timers.filter((t) => t.id !== id);
  };

  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  g.btoa = (text) => {
    let out = "";
    for (let i = 0; i < text.length; i += 3) {
      const three = [0, 1, 2].reduce((n, k) => (n << 8) | (text.charCodeAt(i + k) || 0), 0);
      for (let k = 0; k < 4; k++) {
        out += i + k > text.length ? "=" : letters[(three >> (18 - 6 * k)) & 63];
      }
    }
    return out;
  };
  const random = (n) =>
    g.btoa(Array.from({ length: n }, () => String.fromCharCode(Math.random() * 256)).join(""));

  const reactNativeVersion = { major: 0, minor: 83, patch: 9, prerelease: null };
  const platform = { isTesting: false, reactNativeVersion, osVersion: "18", Version: 35 };
  const modules = {
    ExceptionsManager: { reportException() {} },
    NativeMicrotasksCxx: { queueMicrotask: (run) => setImmediate(run) },
    PlatformConstants: { getConstants: () => platform },
    RNGetRandomValues: { getRandomBase64: random },
  };
  g.performance = { now: () => Date.now() };
  g.nativeLoggingHook = () => {};
  g.RN$Bridgeless = true;
  g.RN$registerCallableModule = () => {};
  g.nativeModuleProxy = {};
  g.__turboModuleProxy = (name) => modules[name] ?? null;
})();
