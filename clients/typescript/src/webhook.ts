// Verifies webhooks by the Standard Webhooks specification. It stands alone, so that a
// receiver bundles nothing else of this package.

/** How far the time of a message may be from that of the receiver, in seconds. */
export const webhookTolerance = 300;

/**
 * Why a message was refused.
 *
 * - `invalid_webhook_secret`: the receiver's own secret is not `whsec_` and base64
 * - `invalid_webhook_headers`: a header is missing or malformed
 * - `webhook_too_old`: sent again by a third party, or the clocks differ
 * - `webhook_too_new`: the clocks differ
 * - `webhook_signature_mismatch`: not signed with any of the secrets
 * - `invalid_webhook_body`: signed, but not a message of this API
 */
export type WebhookReason =
  | "invalid_webhook_secret"
  | "invalid_webhook_headers"
  | "webhook_too_old"
  | "webhook_too_new"
  | "webhook_signature_mismatch"
  | "invalid_webhook_body";

/** The error with which `verifyWebhook` refuses a message. It contains no secret. */
export class WebhookError extends Error {
  override readonly name = "WebhookError";
  constructor(
    readonly reason: WebhookReason,
    message: string,
  ) {
    super(message);
  }
}

/** An alert as a message describes it. Times that are not yet are absent. */
export interface WebhookAlert {
  id: string;
  rule: string;
  subject: string;
  state: string;
  message: string;
  link: string;
  openedAt: Date;
  lastSeenAt: Date;
  occurrences: number;
  acknowledgedAt?: Date;
  acknowledgedBy?: string;
  resolvedAt?: Date;
  mutedUntil?: Date;
}

/** A message that an endpoint has received, and that was verified. */
export interface WebhookEvent {
  /** The same whenever the message is sent again: handle each once. */
  id: string;
  /** Such as `alert.opened`, `alert.acknowledged`, `alert.resolved` or `test`. */
  type: string;
  /** When it happened. */
  timestamp: Date;
  /** Of a message about an alert. */
  alert?: WebhookAlert;
  /** All that the message says. */
  data: unknown;
}

/** The headers of a request, as fetch or Node have them. */
export type WebhookHeaders = Headers | Record<string, string | readonly string[] | undefined>;

export interface WebhookOptions {
  /** How far the message may be from now, in seconds; `webhookTolerance` by default. */
  tolerance?: number;
  /** The receiver's clock; the machine's by default. */
  now?: Date;
}

/**
 * Verifies a message: it was signed with one of the secrets of the endpoint
 * (`whsec_...`), and sent about now. `body` is that of the request as it came, byte for
 * byte, not parsed. Give both secrets while one replaces the other. Rejects with a
 * `WebhookError`.
 */
export async function verifyWebhook(
  secrets: string | readonly string[],
  headers: WebhookHeaders,
  body: string | Uint8Array,
  options: WebhookOptions = {},
): Promise<WebhookEvent> {
  const keys = (typeof secrets === "string" ? [secrets] : secrets).map(keyOf);
  if (keys.length === 0) {
    throw new WebhookError("invalid_webhook_secret", "give a secret of the endpoint");
  }
  const id = header(headers, "webhook-id");
  const stamp = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature");
  if (!id || !signatures || !/^-?\d{1,15}$/.test(stamp)) {
    throw new WebhookError(
      "invalid_webhook_headers",
      "the request must have each of webhook-id, webhook-timestamp and webhook-signature once",
    );
  }
  checkTime(Number(stamp), options);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  if (!(await isSigned(keys, `${id}.${stamp}.`, bytes, signatures))) {
    throw new WebhookError(
      "webhook_signature_mismatch",
      "the message was not signed with a secret of the endpoint",
    );
  }
  return readMessage(id, bytes);
}

function checkTime(seconds: number, { tolerance = webhookTolerance, now }: WebhookOptions): void {
  const age = Math.floor((now?.getTime() ?? Date.now()) / 1000) - seconds;
  if (age > tolerance) {
    throw new WebhookError("webhook_too_old", "the message was signed too long ago");
  }
  if (age < -tolerance) {
    throw new WebhookError(
      "webhook_too_new",
      "the message was signed in the future: check the clock",
    );
  }
}

/** Returns the value of a header, or "" if it does not stand once. */
function header(headers: WebhookHeaders, name: string): string {
  if (headers instanceof Headers) {
    return headers.get(name) ?? "";
  }
  const values = Object.entries(headers)
    .filter(([key]) => key.toLowerCase() === name)
    .flatMap(([, value]) => value ?? []);
  return values.length === 1 ? (values[0] ?? "") : "";
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const key = secret.startsWith("whsec_") ? decode(secret.slice(6)) : undefined;
  if (!key?.length) {
    throw new WebhookError("invalid_webhook_secret", "a secret is not whsec_ and base64");
  }
  return key;
}

/** Decodes base64, or returns undefined for what is none. */
function decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    return undefined;
  }
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/** Reports, in constant time, whether a signature is that of a key. */
async function isSigned(
  keys: readonly Uint8Array<ArrayBuffer>[],
  before: string,
  body: Uint8Array,
  signatures: string,
): Promise<boolean> {
  const head = new TextEncoder().encode(before);
  const message = new Uint8Array(head.length + body.length);
  message.set(head);
  message.set(body, head.length);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  let signed = false;
  for (const raw of keys) {
    const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["verify"]);
    for (const signature of signatures.split(" ")) {
      const mac = signature.startsWith("v1,") ? decode(signature.slice(3)) : undefined;
      signed =
        (mac !== undefined && (await crypto.subtle.verify("HMAC", key, mac, message))) || signed;
    }
  }
  return signed;
}

function readMessage(id: string, body: Uint8Array): WebhookEvent {
  const message = parse(body);
  const timestamp = date(message?.timestamp);
  if (typeof message?.type !== "string" || !message.type || !timestamp) {
    throw new WebhookError("invalid_webhook_body", "the body is no message of this API");
  }
  const event: WebhookEvent = { id, type: message.type, timestamp, data: message.data };
  if (event.type.startsWith("alert.")) {
    event.alert = readAlert(message.data);
  }
  return event;
}

function parse(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function date(value: unknown): Date | undefined {
  const at = typeof value === "string" ? new Date(value) : undefined;
  return at && !Number.isNaN(at.getTime()) ? at : undefined;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function readAlert(data: unknown): WebhookAlert {
  const a = isObject(data) ? data : {};
  const openedAt = date(a.opened_at);
  const lastSeenAt = date(a.last_seen_at);
  if (!text(a.id) || !openedAt || !lastSeenAt) {
    throw new WebhookError("invalid_webhook_body", "the body holds no alert");
  }
  const alert: WebhookAlert = {
    id: text(a.id),
    rule: text(a.rule),
    subject: text(a.subject),
    state: text(a.state),
    message: text(a.message),
    link: text(a.link),
    openedAt,
    lastSeenAt,
    occurrences: Number(a.occurrences) || 0,
  };
  const acknowledgedAt = date(a.acknowledged_at);
  const resolvedAt = date(a.resolved_at);
  const mutedUntil = date(a.muted_until);
  if (acknowledgedAt) alert.acknowledgedAt = acknowledgedAt;
  if (text(a.acknowledged_by)) alert.acknowledgedBy = text(a.acknowledged_by);
  if (resolvedAt) alert.resolvedAt = resolvedAt;
  if (mutedUntil) alert.mutedUntil = mutedUntil;
  return alert;
}
