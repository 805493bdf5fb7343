/**
 * For the tests of an app: a server in memory that issues and renews tokens by the
 * rules of the real one, and simulates failures of networks and servers. Its data
 * calls are stubs.
 */
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
  type HandlerContext,
} from "@connectrpc/connect";
import { createFetchHandler } from "@connectrpc/connect/protocol";
import { randomKey } from "./engine/record.js";
import { ErrorDetailSchema } from "./gen/openwearables/v1/error_pb.js";
import { SessionService } from "./gen/openwearables/v1/session_pb.js";
import { TokenService } from "./gen/openwearables/v1/token_pb.js";
import { UserService } from "./gen/openwearables/v1/user_pb.js";
import { WorkoutService } from "./gen/openwearables/v1/workout_pb.js";
import type { ExposedTokenPair } from "./pair.js";

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
  readonly fetch: typeof globalThis.fetch;
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
  const router = createConnectRouter();
  routes(router, state, options.password);
  const handlers = new Map(router.handlers.map((h) => [h.requestPath, createFetchHandler(h)]));
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
  return {
    baseUrl: "https://fake.invalid",
    async fetch(input, init) {
      const request = new Request(input, init);
      request.signal.throwIfAborted();
      const { pathname } = new URL(request.url);
      const method = pathname.slice(pathname.lastIndexOf("/") + 1);
      counts.set(method, (counts.get(method) ?? 0) + 1);
      const fault = nextFault(method);
      if (fault?.kind === "status") {
        const { body = "", status = 503, headers = {} } = fault;
        return new Response(body, { status, headers });
      }
      const handler = handlers.get(pathname);
      const answer = fault?.kind !== "offline" && handler ? await handler(request) : undefined;
      if (fault) {
        throw new TypeError("fetch failed");
      }
      return answer ?? new Response("", { status: 404 });
    },
    mint: (userId) => state.begin(userId),
    fail(...next) {
      faults = next.map((f) => ({ ...f }));
    },
    expire: () => state.access.clear(),
    revoke: (userId) => state.end((s) => s.user === userId),
    count: (method) => counts.get(method) ?? 0,
  };
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

  user(context: HandlerContext): string {
    const sent = context.requestHeader.get("authorization")?.replace(/^Bearer /, "") ?? "";
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

function routes(router: ConnectRouter, state: State, password: string | undefined): void {
  const message = (p: ExposedTokenPair) => ({
    tokens: {
      accessToken: p.access_token,
      tokenType: "bearer",
      refreshToken: p.refresh_token ?? "",
      expiresIn: p.expires_in,
    },
  });
  router.service(SessionService, {
    login(request) {
      if (!password || request.password !== password || request.email !== "dev@example.com") {
        throw refusal("invalid_credentials");
      }
      return message(state.begin("developer"));
    },
    refreshToken: (request, context) =>
      message(
        state.refresh(
          request.refreshToken ?? "",
          context.requestHeader.get("idempotency-key") ?? "",
        ),
      ),
    revokeToken(request) {
      state.end((s) => s.refresh === request.refreshToken);
      return {};
    },
    getMe: (_, context) => ({ developer: { id: state.user(context), email: "dev@example.com" } }),
  });
  router.service(UserService, {
    getUser: (request, context) => ({ user: { id: requireOwn(state.user(context), request.id) } }),
  });
  router.service(WorkoutService, {
    listWorkouts(request, context) {
      requireOwn(state.user(context), request.userId);
      return { data: [], pagination: {}, metadata: {} };
    },
    upsertWorkouts(request, context) {
      requireOwn(state.user(context), request.userId);
      const items = request.workouts.map(({ externalId }) => ({
        id: randomKey(),
        externalId,
        status: "created",
      }));
      return { created: items.length, items };
    },
  });
  router.service(TokenService, {
    createUserToken: (request) => message(state.begin(request.userId)),
  });
}

function requireOwn(user: string, asked: string): string {
  if (user !== asked && user !== "developer") {
    throw refusal("other_user", Code.PermissionDenied);
  }
  return asked;
}

function newToken(prefix: string): string {
  return prefix + randomKey() + randomKey().slice(0, 4);
}

function refusal(reason: string, code = Code.Unauthenticated): ConnectError {
  const value = { reason, requestId: `req_${randomKey()}` };
  return new ConnectError(reason.replaceAll("_", " "), code, undefined, [
    { desc: ErrorDetailSchema, value },
  ]);
}
