import { type Auth, session } from "../../src/auth.js";
import { type Client, createClient } from "../../src/client.js";
import { systemClock } from "../../src/clock.js";
import { createCore } from "../../src/engine/core.js";
import { createEngine } from "../../src/engine/engine.js";
import type { EventName } from "../../src/engine/event.js";
import type { TokenProvider } from "../../src/engine/provider.js";
import { OpenWearablesError, SignInRequiredError } from "../../src/error.js";
import { kindOf } from "../../src/kind.js";
import { TokenRpc } from "../../src/rpc.js";
import { memory, type Store } from "../../src/store/store.js";
import { secrets } from "../secrets.js";
import { type Callers, failure, startCalls } from "./callers.js";
import { FaultProxy, pause, type Report } from "./proxy.js";
import type { Scenario, Span, Step } from "./scenario.js";
import { direct, newPerson, type Person, storedRecord, subject, type World } from "./world.js";

/** What differs between the platforms that play scenarios. */
export interface Platform extends World {
  proxy: string;
  persistent(): Store;
  /** Returns the credential of an API key. */
  apiKey(key: string): Auth;
  /** Returns the printed forms of a value. */
  print(value: unknown): string;
}

interface Process {
  clients: Client[];
  signIn(pair: Person["pair"]): Promise<void>;
  signOut(): Promise<void>;
}

const eventNames: EventName[] = [
  "signedIn",
  "tokenRefreshed",
  "refreshFailed",
  "sessionExpired",
  "signedOut",
  "storageError",
  "keyRotated",
];

const snake = (name: string) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/** Plays a scenario and resolves with its problems; an empty list is a success. */
export async function play(scenario: Scenario, platform: Platform): Promise<string[]> {
  const stage = new Stage(scenario, platform);
  try {
    await stage.open();
    for (const [i, step] of scenario.steps.entries()) {
      await stage.step(step);
      if (stage.problems.length > 0) {
        stage.problems.push(`at step ${i}: ${JSON.stringify(step)}`);
        break;
      }
    }
    if (stage.problems.length === 0) {
      await stage.verify();
    }
  } catch (e) {
    stage.problems.push(`the stage broke: ${e instanceof Error ? e.stack : e}`);
  }
  if (stage.problems.length > 0) {
    stage.problems.push(`events: ${stage.events.join(" ")}`);
    stage.problems.push(`requests: ${JSON.stringify((await stage.proxy.report()).log)}`);
  }
  return stage.problems;
}

class Stage {
  readonly problems: string[] = [];
  readonly events: string[] = [];
  readonly proxy: FaultProxy;
  private readonly shown: unknown[] = [];
  private wall = 0;
  private mono = 0;
  private readonly clock = {
    wall: () => systemClock.wall() + this.wall,
    mono: () => systemClock.mono() + this.mono,
  };
  private fault = "";
  private provider: string | undefined;
  private store!: Store;
  private faulty!: Store;
  private dev!: Client;
  private person!: Person;
  private other!: Person;
  private key = { id: "", secret: "" };
  private processes: Process[] = [];
  private readonly running = new Map<string, Callers>();

  constructor(
    private readonly scenario: Scenario,
    private readonly platform: Platform,
  ) {
    this.provider = this.setup.provider;
    this.proxy = new FaultProxy(platform.proxy);
  }

  private get setup() {
    return this.scenario.setup ?? {};
  }

  async open(): Promise<void> {
    const { proxy, server, developerToken } = this.platform;
    await this.proxy.reset();
    this.dev = direct(server, developerToken);
    this.person = await newPerson(this.dev);
    this.other = await newPerson(this.dev);
    if (this.setup.credential === "api_key") {
      const made = await this.dev.keys.create({});
      this.key = { id: made.key.id, secret: made.secret.reveal() };
    }
    this.store = this.setup.store === "persistent" ? this.platform.persistent() : memory();
    this.faulty = this.failing(this.store);
    const age = this.setup.age ?? "fresh";
    if (age !== "absent") {
      await this.store.save(storedRecord(proxy, this.person.pair, age), undefined);
    }
    this.processes = Array.from({ length: this.setup.processes ?? 1 }, () => this.process());
    await this.proxy.rules(this.scenario.faults ?? []);
  }

  private failing(store: Store): Store {
    const check = (what: string) => {
      if (this.fault === `${what}_fails`) {
        return Promise.reject(new Error("the disk is on fire"));
      }
      if (this.fault === `${what}_throws`) {
        throw new Error("thrown by the store");
      }
      return undefined;
    };
    return {
      load: () => check("load") ?? store.load(),
      save: (record, expected) => check("save") ?? store.save(record, expected),
      clear: (expected) => check("clear") ?? store.clear(expected),
      ...(store.lock && { lock: (signal) => store.lock?.(signal) as Promise<() => void> }),
    };
  }

  /** Returns the clients of one simulated process. Processes share only the store. */
  private process(): Process {
    const client = {
      baseUrl: this.platform.proxy,
      ...(this.setup.retry === false && { retries: 0 as const }),
    };
    if (this.setup.credential && this.setup.credential !== "session") {
      const auth =
        this.setup.credential === "api_key" ? this.platform.apiKey(this.key.secret) : undefined;
      this.listen(auth);
      return {
        clients: [createClient({ ...client, ...(auth && { auth }) })],
        signIn: async () => {},
        signOut: async () => {},
      };
    }
    const core = createCore(this.platform.proxy, this.clock);
    const options = this.provider ? { provider: this.provide } : {};
    const sessions = Array.from({ length: this.setup.clients ?? 1 }, () => {
      const made = session((emitter, base) => {
        const rpc = new TokenRpc(base.bare(false), base.url, this.clock);
        return createEngine(core, this.faulty, rpc, emitter, options);
      });
      return made.session;
    });
    this.listen(sessions[0]);
    const [first] = sessions;
    return {
      clients: sessions.map((auth) => createClient({ ...client, auth })),
      signIn: async (pair) => first?.signIn(pair),
      signOut: async () => first?.signOut(),
    };
  }

  private listen(auth: Auth | undefined): void {
    for (const name of eventNames) {
      auth?.on(name, (e) => {
        this.events.push(snake(name));
        this.shown.push(e);
      });
    }
  }

  private readonly provide: TokenProvider = async () => {
    switch (this.provider) {
      case "works":
        return this.dev.tokens.create(this.person.id);
      case "signed_out":
        throw new SignInRequiredError("the backend knows nobody");
      case "throws":
        throw "thrown by the provider";
      default:
        throw new Error("the backend is away");
    }
  };

  async step(step: Step): Promise<void> {
    const ms = step.ms ?? 0;
    const process = this.processes[step.process ?? 0] as Process;
    switch (step.do) {
      case "call":
        this.start(step, process);
        return this.join(step);
      case "start":
        return this.start(step, process);
      case "join":
        return this.join(step);
      case "cancel":
        return this.running.get(step.as ?? "")?.cancel();
      case "await_held":
        return this.soon("requests held", (r) => r.held >= (step.count ?? 1));
      case "await_requests":
        return this.soon(
          "requests seen",
          (r) => (r.requests[step.rpc ?? ""] ?? 0) >= (step.count ?? 1),
        );
      case "faults":
        return this.proxy.rules(step.rules);
      case "release":
        return this.proxy.release();
      case "sign_out":
        return this.want(step, [await failure(process.signOut())]);
      case "sign_in":
        return this.signIn(step, process);
      case "restart":
        this.processes[step.process ?? 0] = this.process();
        return;
      case "advance":
        this.wall += ms;
        this.mono += ms;
        return;
      case "set_clock":
        this.wall += ms;
        return;
      case "store":
        return this.changeStore(step);
      case "revoke":
        return this.dev.tokens.revokeAll(this.person.id);
      case "rotate_key":
        await this.dev.keys.rotate(this.key.id, 3600);
        return;
      case "provider":
        this.provider = step.mode;
        return;
      case "wait":
        await pause(ms);
        return;
      default:
        this.problems.push(`unknown step ${step.do}`);
    }
  }

  private start(step: Step, process: Process): void {
    const client = process.clients[step.client ?? 0] as Client;
    this.running.set(step.as ?? "", startCalls(client, step, this.person.id));
  }

  private async join(step: Step): Promise<void> {
    const callers = this.running.get(step.as ?? "") as Callers;
    const { errors, took } = await callers.outcomes;
    this.want(step, errors);
    if (step.within_ms && took > step.within_ms) {
      this.problems.push(`took ${took} ms, want at most ${step.within_ms}`);
    }
  }

  /** Compares the errors of calls with the expectation of a step. */
  private want(step: Step, errors: unknown[]): void {
    const failed = errors.filter((e) => e !== undefined);
    for (const e of failed) {
      this.shown.push(e);
      if (kindOf(e) !== step.error) {
        this.problems.push(`error is ${kindOf(e)} (${(e as Error).stack}), want ${step.error}`);
      }
      if (step.reason && !(e instanceof OpenWearablesError && e.reason === step.reason)) {
        this.problems.push(`error is ${e}, want the reason ${step.reason}`);
      }
    }
    const want = step.ok ?? (step.error ? 0 : errors.length);
    const ok = errors.length - failed.length;
    if (ok !== want) {
      this.problems.push(`${ok} of ${errors.length} calls succeeded, want ${want}`);
    }
  }

  private async signIn(step: Step, process: Process): Promise<void> {
    const person = step.user === "other" ? this.other : this.person;
    const pair = (await this.dev.tokens.create(person.id)).expose();
    this.want(step, [await failure(process.signIn(pair))]);
  }

  private async changeStore(step: Step): Promise<void> {
    this.fault = step.fault ?? "";
    const before = await this.store.load();
    const contents: Record<string, string | undefined> = {
      garbage: "\0{not a session}",
      empty: "{}",
      other_base: before?.replace(this.platform.proxy, "https://elsewhere.example.com"),
    };
    const next = contents[step.content ?? ""];
    if (step.content && next) {
      await this.store.save(next, before);
    } else if (step.content) {
      await this.store.clear(before);
    }
  }

  private async soon(what: string, holds: (r: Report) => boolean): Promise<void> {
    if (!(await this.proxy.eventually(holds))) {
      this.problems.push(`not within 10 s: ${what}`);
    }
  }

  async verify(): Promise<void> {
    this.fault = "";
    const end = Date.now() + 10_000;
    for (let quiet = 0, last = -1; quiet < 4; await pause(30)) {
      if (Date.now() > end) {
        this.problems.push("requests or events still come 10 s after the last step");
        break;
      }
      const now = (await this.proxy.report()).log.length + this.events.length;
      quiet = now === last ? quiet + 1 : 0;
      last = now;
    }
    const r = await this.proxy.report();
    const e = this.scenario.expect;
    this.check("refreshes", r.requests.RefreshToken, e.refreshes);
    this.check("rotated", r.rotated, e.rotated);
    this.check("revokes", r.requests.RevokeToken, e.revokes);
    for (const [name, n] of Object.entries(e.requests ?? {})) {
      this.check(name, r.requests[name], n);
    }
    for (const [name, n] of Object.entries(e.events ?? {})) {
      this.check(`events ${name}`, this.events.filter((x) => x === name).length, n);
    }
    const refreshes = r.log.filter((s) => s.method === "RefreshToken");
    if (refreshes.some((s) => !s.key || s.token)) {
      this.problems.push("a RefreshToken without an Idempotency-Key or with an Authorization");
    }
    this.check("keys", new Set(refreshes.map((s) => s.key)).size, e.keys);
    await this.verifySession();
    for (const value of [...this.shown, ...this.processes]) {
      const found = secrets.exec(this.platform.print(value));
      if (found) {
        this.problems.push(`a printed value shows a secret: ${found[0]}...`);
      }
    }
  }

  private check(what: string, got = 0, want?: Span): void {
    const [least, most] = Array.isArray(want) ? want : [want ?? 0, want ?? Infinity];
    if (got < least || got > most) {
      this.problems.push(`${what}: ${got}, want ${least} to ${most}`);
    }
  }

  private async verifySession(): Promise<void> {
    const e = this.scenario.expect;
    const raw = await this.store.load();
    const record = raw?.startsWith("{") ? JSON.parse(raw) : {};
    const holder = subject(record.access_token);
    const ids: Record<string, string> = { kept: this.person.id, other: this.other.id, gone: "" };
    const want = ids[e.session ?? ""];
    if (want !== undefined && holder !== want) {
      this.problems.push(`the store holds the session of "${holder}", want ${e.session}`);
    }
    const { server } = this.platform;
    if (e.alive && (await failure(direct(server, record.access_token).users.get(holder)))) {
      this.problems.push("the stored session is dead");
    }
    if (e.original === "ended") {
      const { access_token } = this.person.pair;
      const refused = await failure(direct(server, access_token).users.get(this.person.id));
      if (kindOf(refused) !== "unauthenticated") {
        this.problems.push("the first session still lives");
      }
    }
  }
}
