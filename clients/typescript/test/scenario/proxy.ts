export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The requests that a fault proxy has seen since its last reset. */
export interface Report {
  requests: Record<string, number>;
  rotated: number;
  held: number;
  log: { method: string; key: string; token: string; status: number }[];
}

/** The time limit of a request to the proxy itself, in milliseconds. */
const limit = 10_000;

/** Controls the fault proxy before the server over its HTTP interface. */
export class FaultProxy {
  constructor(readonly url: string) {}

  /** Clears the rules and the report. */
  reset(): Promise<void> {
    return this.post("/reset");
  }

  /** Replaces the rules. */
  rules(rules: unknown): Promise<void> {
    return this.post("/rules", rules);
  }

  /** Releases the requests that the proxy holds. */
  release(): Promise<void> {
    return this.post("/release");
  }

  async report(): Promise<Report> {
    const answer = await fetch(`${this.url}/__faults`, { signal: AbortSignal.timeout(limit) });
    const r = (await answer.json()) as Report;
    return { ...r, log: r.log ?? [] };
  }

  /** Resolves with true once the condition holds, and with false after 10 s. */
  async eventually(holds: (r: Report) => boolean): Promise<boolean> {
    for (const end = Date.now() + 10_000; !holds(await this.report()); await pause(10)) {
      if (Date.now() > end) {
        return false;
      }
    }
    return true;
  }

  private async post(path: string, body?: unknown): Promise<void> {
    await fetch(`${this.url}/__faults${path}`, {
      method: "POST",
      signal: AbortSignal.timeout(limit),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }
}
