export type Span = number | [number, number];

export interface Step {
  do: string;
  as?: string;
  rpc?: string;
  process?: number;
  client?: number;
  count?: number;
  ok?: number;
  error?: string;
  reason?: string;
  timeout_ms?: number;
  within_ms?: number;
  ms?: number;
  user?: string;
  fault?: string;
  content?: string;
  mode?: string;
  rules?: unknown[];
}

/** One case of clients/testdata/refresh-scenarios.json; see the README there. */
export interface Scenario {
  name: string;
  setup?: {
    credential?: string;
    age?: string;
    store?: string;
    processes?: number;
    clients?: number;
    provider?: string;
    retry?: boolean;
  };
  faults?: unknown[];
  steps: Step[];
  expect: {
    refreshes?: Span;
    rotated?: Span;
    revokes?: Span;
    keys?: Span;
    requests?: Record<string, Span>;
    session?: string;
    alive?: boolean;
    original?: string;
    events?: Record<string, Span>;
  };
}
