/**
 * For the tests of an app: a server in memory that issues and renews tokens by the
 * rules of the real one, and simulates failures of networks and servers. It keeps users
 * and workouts, and checks little of them.
 */
import { throwIfAborted } from "./clock.js";
import { randomKey } from "./engine/record.js";
import type { Code } from "./error.js";
import type { ExposedTokenPair } from "./pair.js";
import type { Fetch } from "./types.js";

/** A failure of the requests of one RPC. */
export interface Fault {
  /** The name of the RPC, such as `RefreshToken`; all RPCs by default. */
  method?: string;
  /** How many requests fail: 1 by default, Infinity for all. */
  times?: number;
  /**
   * `offline`: the request is lost · `lost`: the response is lost · `status`: the server
   * refuses.
   */
  kind: "offline" | "lost" | "status";
  /** The response of `status`; 503 by default. */
  status?: number;
  headers?: Record<string, string>;
  body?: string;
}

/** A server in memory. */
export interface FakeServer {
  readonly baseUrl: string;
  /** For ClientOptions.fetch. */
  readonly fetch: Fetch;
  /** Mints a token pair, as the app's backend would. */
  mint(userId: string): ExposedTokenPair;
  /** Replaces the faults. */
  fail(...faults: Fault[]): void;
  /** Expires all access tokens. The refresh tokens stay valid. */
  expire(): void;
  /** Ends all sessions of a user. */
  revoke(userId: string): void;
  /** Returns how many requests of an RPC came. */
  count(method: string): number;
}

interface FakeSession {
  user: string;
  refresh: string;
  parent: string;
  parentKey: string;
  over: boolean;
}

/** Returns a server with one developer, `dev@example.com` with the given password. */
export function fakeServer(options: { ttlSeconds?: number; password?: string } = {}): FakeServer {
  const state = new State(options.ttlSeconds ?? 3600);
  const methods = methodsOf(state, new Data(), options.password);
  const counts = new Map<string, number>();
  let faults: Fault[] = [];
  const nextFault = (method: string): Fault | undefined => {
    const fault = faults.find((f) => !f.method || f.method === method);
    if (fault) {
      fault.times = (fault.times ?? 1) - 1;
      faults = faults.filter((f) => (f.times ?? 1) > 0);
    }
    return fault;
  };
  const fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    throwIfAborted(request.signal);
    const method = request.url.slice(request.url.lastIndexOf("/") + 1);
    counts.set(method, (counts.get(method) ?? 0) + 1);
    const fault = nextFault(method);
    if (fault?.kind === "status") {
      const { body = "", status = 503, headers = {} } = fault;
      return new Response(body, { status, headers });
    }
    const handle = fault?.kind === "offline" ? undefined : methods[method];
    const answer = handle && (await answerOf(handle, request));
    if (fault) {
      throw new TypeError("fetch failed");
    }
    return answer ?? new Response("", { status: 404 });
  };
  return {
    baseUrl: "https://fake.invalid",
    fetch: fetch as Fetch,
    mint: (userId) => state.begin(userId),
    fail(...next) {
      faults = next.map((f) => ({ ...f }));
    },
    expire: () => state.access.clear(),
    revoke: (userId) => state.end((s) => s.user === userId),
    count: (method) => counts.get(method) ?? 0,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: it is what a test sends
type Sent = any;

/** Answers a request of one method. */
type Handle = (request: Sent, headers: Headers) => object;

async function answerOf(handle: Handle, request: Request): Promise<Response> {
  try {
    return answerWith(handle(await request.json(), request.headers));
  } catch (e) {
    if (!(e instanceof Refusal)) {
      throw e;
    }
    const { code, reason } = e;
    const requestId = `req_${randomKey()}`;
    const detail = { type: "openwearables.v1.ErrorDetail", value: encoded(reason, requestId) };
    const body = { code, message: reason.replaceAll("_", " "), details: [detail] };
    return answerWith(body, statusOf[code]);
  }
}

/** Returns a JSON response. Response.json is not in every runtime. */
function answerWith(body: object, status = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json" },
  });
}

const statusOf: { [code in Code]?: number } = {
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  invalid_argument: 400,
};

class Refusal extends Error {
  constructor(
    readonly reason: string,
    readonly code: Code,
  ) {
    super(reason);
  }
}

/** Returns the fields 1 and 2 of a message in base64: ASCII texts of at most 127 characters. */
function encoded(...texts: string[]): string {
  const fields = texts.map((text, i) => String.fromCharCode(8 * i + 10, text.length) + text);
  return btoa(fields.join(""));
}

/** The sessions of the server and the rules of renewal. */
class State {
  readonly access = new Map<string, FakeSession>();
  private readonly sessions: FakeSession[] = [];

  constructor(private readonly ttl: number) {}

  begin(user: string): ExposedTokenPair {
    const s = { user, refresh: newToken("rt_"), parent: "", parentKey: "", over: false };
    this.sessions.push(s);
    return this.pair(s);
  }

  end(which: (s: FakeSession) => boolean): void {
    for (const s of this.sessions.filter(which)) {
      s.over = true;
    }
  }

  refresh(refresh: string, key: string): ExposedTokenPair {
    const s = this.sessions.find((x) => x.refresh === refresh || x.parent === refresh);
    if (!s || s.over || !refresh) {
      throw refusal("invalid_refresh_token");
    }
    if (s.refresh === refresh) {
      s.parent = refresh;
      s.parentKey = key;
      s.refresh = newToken("rt_");
    } else if (!key || s.parentKey !== key) {
      s.over = true;
      throw refusal("refresh_token_reused");
    }
    return this.pair(s);
  }

  user(headers: Headers): string {
    const sent = headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
    const s = this.access.get(sent);
    if (!s || s.over) {
      throw refusal(sent ? "token_expired" : "missing_credential");
    }
    return s.user;
  }

  private pair(s: FakeSession): ExposedTokenPair {
    const access = newToken("access.");
    this.access.set(access, s);
    return {
      access_token: access,
      token_type: "bearer",
      refresh_token: s.refresh,
      expires_in: this.ttl,
    };
  }
}

/** The users and workouts of the server. */
class Data {
  readonly users = new Map<string, Sent>();
  readonly workouts = new Map<string, Map<string, Sent>>();

  /** Returns a user, who is there as soon as somebody asks. */
  user(id: string): Sent {
    let user = this.users.get(id);
    if (!user) {
      user = { id, createdAt: new Date(), hasActiveConnection: false };
      this.users.set(id, user);
    }
    return user;
  }

  workoutsOf(userId: string): Map<string, Sent> {
    const workouts = this.workouts.get(userId) ?? new Map();
    this.workouts.set(userId, workouts);
    return workouts;
  }

  upsert(userId: string, given: Sent): { id: string; externalId: string; status: string } {
    const workouts = this.workoutsOf(userId);
    const key = JSON.stringify([given.source?.provider, given.externalId]);
    const before = workouts.get(key);
    const [start, end] = [Date.parse(given.startTime), Date.parse(given.endTime)];
    const id = before?.id ?? randomKey();
    workouts.set(key, { durationSeconds: Math.floor((end - start) / 1000), ...given, id });
    return { id, externalId: given.externalId, status: before ? "updated" : "created" };
  }
}

function methodsOf(
  state: State,
  data: Data,
  password: string | undefined,
): { [method: string]: Handle } {
  return { ...sessionMethods(state, password), ...dataMethods(state, data) };
}

function sessionMethods(state: State, password: string | undefined): { [method: string]: Handle } {
  const message = (p: ExposedTokenPair) => ({
    tokens: {
      accessToken: p.access_token,
      tokenType: "bearer",
      refreshToken: p.refresh_token ?? "",
      expiresIn: p.expires_in,
    },
  });
  const at = new Date(0);
  return {
    Login(request) {
      if (!password || request.password !== password || request.email !== "dev@example.com") {
        throw refusal("invalid_credentials");
      }
      return message(state.begin("developer"));
    },
    RefreshToken: (request, headers) =>
      message(state.refresh(request.refreshToken ?? "", headers.get("idempotency-key") ?? "")),
    RevokeToken(request) {
      state.end((s) => s.refresh === request.refreshToken);
      return {};
    },
    GetMe: (_, headers) => ({
      developer: {
        id: state.user(headers),
        email: "dev@example.com",
        createdAt: at,
        updatedAt: at,
      },
    }),
    CreateUserToken: (request) => message(state.begin(request.userId)),
  };
}

function dataMethods(state: State, data: Data): { [method: string]: Handle } {
  const own = (headers: Headers, id: string) => requireOwn(state.user(headers), id);
  return {
    CreateUser(request, headers) {
      own(headers, "");
      return { user: Object.assign(data.user(randomKey()), request) };
    },
    GetUser: (request, headers) => ({ user: data.user(own(headers, request.id)) }),
    UpdateUser({ id, updateMask, ...patch }, headers) {
      const user = data.user(own(headers, id));
      for (const name of String(updateMask ?? "").split(",")) {
        user[name] = patch[name];
      }
      return { user };
    },
    DeleteUser(request, headers) {
      const user = data.user(own(headers, request.id));
      data.users.delete(user.id);
      data.workouts.delete(user.id);
      return { user };
    },
    ListUsers(request, headers) {
      own(headers, "");
      return pageOf([...data.users.values()], request);
    },
    ListWorkouts(request, headers) {
      const [start, end] = [Date.parse(request.startDate), Date.parse(request.endDate)];
      const found = [...data.workoutsOf(own(headers, request.userId)).values()].filter(
        ({ startTime: at }) => !(Date.parse(at) < start || Date.parse(at) > end + 86_400_000),
      );
      const times = { startTime: request.startDate, endTime: request.endDate };
      return { data: found, metadata: { ...times, sampleCount: found.length } };
    },
    UpsertWorkouts(request, headers) {
      const userId = own(headers, request.userId);
      const items = request.workouts.map((w: Sent) => data.upsert(userId, w));
      const created = items.filter((i: Sent) => i.status === "created").length;
      return { created, updated: items.length - created, items };
    },
  };
}

function pageOf(all: unknown[], { page = 1, limit = 20 }: { page?: number; limit?: number }) {
  const pages = Math.ceil(all.length / limit);
  const items = all.slice((page - 1) * limit, page * limit);
  return { items, total: all.length, page, limit, pages, hasNext: page < pages };
}

function requireOwn(user: string, asked: string): string {
  if (user !== asked && user !== "developer") {
    throw refusal("other_user", "permission_denied");
  }
  return asked;
}

function newToken(prefix: string): string {
  return prefix + randomKey() + randomKey().slice(0, 4);
}

function refusal(reason: string, code: Code = "unauthenticated"): Refusal {
  return new Refusal(reason, code);
}
