export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a fault proxy has seen since it was reset. */
export interface Report {
  requests: Record<string, number>;
  rotated: number;
  held: number;
  log: { method: string; key: string; token: string; status: number }[];
}

/** A request of the tests' own is answered within this. */
const limit = 10_000;

/** The fault proxy before the server, by its own HTTP interface. */
export class FaultProxy {
  constructor(readonly url: string) {}

  /** Forgets the rules and what was seen. */
  reset(): Promise<void> {
    return this.post("/reset");
  }

  /** Sets what befalls requests, in place of the rules before. */
  rules(rules: unknown): Promise<void> {
    return this.post("/rules", rules);
  }

  /** Lets go of what is held. */
  release(): Promise<void> {
    return this.post("/release");
  }

  async report(): Promise<Report> {
    const answer = await fetch(`${this.url}/__faults`, { signal: AbortSignal.timeout(limit) });
    const r = (await answer.json()) as Report;
    return { ...r, log: r.log ?? [] };
  }

  /** Resolves with whether it comes to hold within 10 s. */
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
