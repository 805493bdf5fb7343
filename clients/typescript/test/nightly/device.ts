import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { createContext, runInContext } from "node:vm";

/** What the app gets from its host. */
export interface Job {
  baseUrl?: string;
  id?: string;
  pair?: object;
}

type Emit = (event: string, ...args: unknown[]) => void;

/** Returns the native module that sends requests. */
function networking(os: string, emit: Emit) {
  let last = 0;
  const send = (id: number, url: string, init: object, body: string | undefined) => {
    const sent = request(url, init, (res) => {
      emit("didReceiveNetworkResponse", id, res.statusCode, res.headers, url);
      const chunks: Buffer[] = [];
      res.on("data", (chunk) => chunks.push(chunk));
      res.on("end", () => {
        emit("didReceiveNetworkData", id, Buffer.concat(chunks).toString("base64"));
        emit("didCompleteNetworkResponse", id, null, false);
      });
    });
    sent.on("error", (e) => emit("didCompleteNetworkResponse", id, e.message, false));
    sent.end(body);
  };
  type Sent = { method: string; url: string; headers: object; data: { string?: string } };
  const ios = ({ method, url, headers, data }: Sent, started: (id: number) => void) => {
    started(++last);
    send(last, url, { method, headers }, data.string);
  };
  const android = (
    method: string,
    url: string,
    id: number,
    headers: [string, string][],
    data: Sent["data"],
  ) => send(id, url, { method, headers: Object.fromEntries(headers) }, data.string);
  return {
    addListener() {},
    removeListeners() {},
    abortRequest() {},
    sendRequest: os === "ios" ? ios : android,
  };
}

/**
 * Runs the bundle of an app of React Native and returns what its startApp resolves with. The
 * engine has what JavaScript itself has, and of the host what Hermes and React Native bring:
 * fetch, URL, AbortController and the rest are those in the bundle.
 */
export async function runOnDevice(bundle: string, os: string, job: Job): Promise<unknown> {
  const callable = new Map<string, () => { emit(event: string, args: unknown[]): void }>();
  const emit: Emit = (event, ...args) =>
    callable.get("RCTDeviceEventEmitter")?.().emit(event, args);
  const reactNativeVersion = { major: 0, minor: 83, patch: 9, prerelease: null };
  const platform = { isTesting: false, reactNativeVersion, osVersion: "18", Version: 35 };
  const modules: Record<string, object> = {
    ExceptionsManager: { reportException() {} },
    Networking: networking(os, emit),
    NativeMicrotasksCxx: { queueMicrotask },
    PlatformConstants: { getConstants: () => platform },
    RNGetRandomValues: { getRandomBase64: (n: number) => randomBytes(n).toString("base64") },
  };
  const device = createContext({
    atob,
    btoa,
    clearTimeout,
    performance: { now: () => performance.now() },
    queueMicrotask,
    setTimeout,
    nativeLoggingHook() {},
    nativeModuleProxy: {},
    RN$Bridgeless: true,
    RN$registerCallableModule: callable.set.bind(callable),
    __turboModuleProxy: (name: string) => modules[name] ?? null,
  });
  runInContext(readFileSync(bundle, "utf8"), device, { filename: bundle });
  const missing =
    "typeof document + typeof TextDecoder + typeof BroadcastChannel + typeof indexedDB";
  if (runInContext(missing, device) !== "undefined".repeat(4)) {
    throw new Error("it is no device");
  }
  return device.startApp(job);
}
