import { OpenWearablesError } from "@openwearables/sdk";

/** What a person is told of a failed call. */
export interface Problem {
  /** One or two sentences: what happened and what to do. */
  sentence: string;
  /** What the server's log knows the call by. */
  requestId: string | undefined;
  /** What is wrong with each field of a form, by its name there. */
  fields: Record<string, string>;
}

/** An error of a page whose message is a sentence for people. */
export class Said extends Error {}

/** Returns the error of the SDK, which that of connect-es has as its cause. */
function find(thrown: unknown): OpenWearablesError | undefined {
  const { cause } = Object(thrown) as { cause?: unknown };
  return [thrown, cause].find((e) => e instanceof OpenWearablesError);
}

/** The field that a reason is about, though the answer does not say so. */
const fieldOf: Record<string, string> = {
  incorrect_password: "currentPassword",
  email_taken: "email",
};

/** Tells what went wrong in a call, by which a person wanted to do or to see something. */
export function problem(error: unknown, wanted: "do" | "see" = "do"): Problem {
  const known = find(error);
  const fields: Record<string, string> = {};
  for (const { field, message } of known?.fields ?? []) {
    fields[inForm(field)] ??= sentence(message);
  }
  const about = fieldOf[known?.reason ?? ""];
  if (about) fields[about] ??= sentence(words(error));
  return { sentence: say(error, wanted), requestId: known?.requestId, fields };
}

function say(error: unknown, wanted: string): string {
  const known = find(error);
  switch (known?.kind) {
    case "offline":
      return "The server cannot be reached. Check the connection and try again.";
    case "timeout":
      return "The server took too long to answer. Try again.";
    case "unavailable":
      return "The server is not available for the moment. Try again soon.";
    case "rate_limited":
      return `Too many tries. Try again ${wait(known.retryAfterMs)}.`;
    case "forbidden":
      if (known.reason === "quota_exceeded") return sentence(words(error));
      return known.requiredScope
        ? `You may not ${wanted} this. It needs the scope ${known.requiredScope}.`
        : `You may not ${wanted} this.`;
    case "internal":
      return known.requestId
        ? "Something went wrong. Try again; if it stays, give the request id to whoever runs the server."
        : "Something went wrong. Try again.";
    default:
      return sentence(words(error) || "Something went wrong. Try again.");
  }
}

/** Says when to try again, such as "in 12 minutes". */
export function wait(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds <= 1) return "in a moment";
  if (seconds < 90) return `in ${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `in ${minutes} minutes` : `in ${Math.ceil(minutes / 60)} hours`;
}

/** The server's words, without the reason and the request id that the client puts behind them. */
function words(error: unknown): string {
  const { rawMessage, message } = Object(error) as { rawMessage?: unknown; message?: unknown };
  if (typeof rawMessage === "string") return rawMessage;
  if (error instanceof Said) return error.message;
  const known = find(error);
  // What else the page itself threw is in words that no person should read.
  if (!known) return "";
  const text = String(message ?? "");
  const behind = text.lastIndexOf(` (${known.reason || "request "}`);
  return behind > 0 && text.endsWith(")") ? text.slice(0, behind) : text;
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** `key.expires_at` and `scopes[1]` of the API are `expiresAt` and `scopes` of a form. */
function inForm(field: string): string {
  const last =
    field
      .replace(/\[\d+\]/g, "")
      .split(".")
      .pop() ?? field;
  return last.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
