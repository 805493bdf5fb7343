import type { AlertRule, AlertThreshold } from "@openwearables/sdk/connect";
import { count, plural } from "../../parts/number";
import type { TagProps } from "../../parts/Tag";

/** One thing to do about an alert, and where that is done. */
export interface Step {
  text: string;
  /** At its subject, in the audit trail, at the rules, or with one's own account. */
  at?: "subject" | "audit" | "rules" | "account";
  /** What the link says, with `at`. */
  verb?: string;
}

interface Known {
  name: string;
  severity: Severity;
  steps: readonly Step[];
}

export type Severity = "Urgent" | "Warning" | "Notice";

export const toneOf: Record<Severity, TagProps["tone"]> = {
  Urgent: "bad",
  Warning: "warn",
  Notice: "plain",
};

const askOwner = "Ask whoever runs the service whether that was it.";
const rotate: Step = {
  text: "If it was not, rotate the key. Its old secret then ends.",
  at: "subject",
  verb: "Open the key",
};
const done: Step = {
  text: "See what was done meanwhile.",
  at: "audit",
  verb: "Open the audit trail",
};

const known: Record<string, Known> = {
  leak_reported: {
    name: "Secret leaked",
    severity: "Urgent",
    steps: [
      {
        text: "Make a new secret. The leaked one was ended, so what used it is refused now.",
        at: "subject",
        verb: "Open it",
      },
      { text: "Take it away where it was published. A repository keeps it in its history." },
      done,
    ],
  },
  refresh_reused: {
    name: "Refresh token used twice",
    severity: "Urgent",
    steps: [
      { text: "The session was ended. Ask the person whether they just had to sign in again." },
      {
        text: "If they did not sign in on a new device, end all of their sessions.",
        at: "subject",
        verb: "Open the person",
      },
      done,
    ],
  },
  ledger_broken: {
    name: "Access log changed",
    severity: "Urgent",
    steps: [
      { text: "Run “openwearables audit verify” on the server. It names the first broken entry." },
      { text: "Find out who can write to the database, and take that away." },
      { text: "See whose record it is.", at: "subject", verb: "Open the person" },
    ],
  },
  key_in_browser: {
    name: "Key sent by a browser",
    severity: "Urgent",
    steps: [
      { text: "Take the key out of the page. Whoever opens the page can read it." },
      { text: "Rotate the key.", at: "subject", verb: "Open the key" },
      { text: "Call the API from your backend, or give the page tokens of its users." },
    ],
  },
  network_not_allowed: {
    name: "Key used from a closed network",
    severity: "Warning",
    steps: [
      { text: "The request was refused. Ask whoever runs the service whether it moved." },
      { text: "If it did, allow its new network.", at: "subject", verb: "Open the key" },
      { text: "If it did not, somebody else has the secret: rotate the key." },
    ],
  },
  key_new_network: {
    name: "Key used from a new network",
    severity: "Warning",
    steps: [{ text: askOwner }, rotate, done],
  },
  key_woke: {
    name: "Sleeping key used again",
    severity: "Warning",
    steps: [{ text: askOwner }, rotate, done],
  },
  login_new_network: {
    name: "Login from a new network",
    severity: "Warning",
    steps: [
      { text: "Ask the developer whether they logged in from there." },
      {
        text: "If it was you, nothing is to be done. Else change the password, which ends all other sessions.",
        at: "account",
        verb: "Open your account",
      },
      done,
    ],
  },
  login_refusals: {
    name: "Many refused logins",
    severity: "Warning",
    steps: [
      { text: "Ask the developers whether one of them forgot a password." },
      { text: "If nobody did, somebody is guessing. The limits of logins slow that down." },
      { text: "See where they came from.", at: "audit", verb: "Open the audit trail" },
    ],
  },
  refusal_burst: {
    name: "Many refused requests",
    severity: "Warning",
    steps: [
      {
        text: "Look at which operations were refused, and to which client.",
        at: "subject",
        verb: "Open its usage",
      },
      { text: "A wrong scope, an ended secret or a deleted user are the usual causes." },
      { text: "If nobody knows these requests, rotate its secret." },
    ],
  },
  volume: {
    name: "Unusually many requests",
    severity: "Notice",
    steps: [
      { text: "Look at which client makes them.", at: "subject", verb: "Open its usage" },
      { text: "If nobody expects that, rotate its secret." },
    ],
  },
  webhook_disabled: {
    name: "Webhook disabled",
    severity: "Warning",
    steps: [
      {
        text: "Read in its deliveries why it failed, and mend the receiver.",
        at: "subject",
        verb: "Open the webhook",
      },
      { text: "Send a test, then enable it. That resolves this alert." },
    ],
  },
  key_expires: {
    name: "Key expires soon",
    severity: "Warning",
    steps: [
      { text: "If it is still needed, give it a later end.", at: "subject", verb: "Open the key" },
      { text: "If it is not, let it expire." },
    ],
  },
  key_unused: {
    name: "Key not used",
    severity: "Notice",
    steps: [
      { text: "Ask whether anybody still needs it. To try, disable it for a week." },
      { text: "If nobody does, delete it.", at: "subject", verb: "Open the key" },
    ],
  },
  key_old: {
    name: "Old secret",
    severity: "Notice",
    steps: [
      {
        text: "Rotate the key, and let both secrets work until every client has the new one.",
        at: "subject",
        verb: "Open the key",
      },
    ],
  },
  too_many_alerts: {
    name: "Too many alerts",
    severity: "Notice",
    steps: [
      { text: "Acknowledge what was dealt with, so that new alerts can open." },
      {
        text: "If most of them say nothing new, raise the thresholds of the rule.",
        at: "rules",
        verb: "Open the rules",
      },
    ],
  },
};

/** Returns what the dashboard knows of a rule; a newer server may have rules that it does not. */
export function ruleOf(rule: string): Known {
  return known[rule] ?? { name: spaced(rule), severity: "Notice", steps: [done] };
}

/** Says what a rule looks for, with its numbers in place of their names. */
export function describe({ description, thresholds }: AlertRule): string {
  return thresholds.reduce(
    (text, t) => text.replace(new RegExp(`\\b${t.name}\\b`, "g"), amount(t)),
    description,
  );
}

function amount({ name, value }: AlertThreshold): string {
  if (name === "percent") return `${value}\u00a0%`;
  if (name.endsWith("_days")) return plural(value, "day");
  return name.endsWith("_minutes") ? plural(value, "minute") : count(value);
}

/** Returns the unit of a threshold, in the plural, if it has one. */
export function unitOf(name: string): string | undefined {
  if (name.endsWith("_days")) return "days";
  if (name.endsWith("_minutes")) return "minutes";
  return { percent: "%", factor: "times" }[name];
}

const labels: Record<string, string> = {
  learning_days: "Watch a key once it was in use for",
  forget_days: "A network is new again after",
  unused_days: "Not used for",
  age_days: "Not rotated for",
  first_days: "First alert, before the end",
  second_days: "Second alert, before the end",
  last_days: "Last alert, before the end",
  refusals: "Refusals, at least",
  all_refusals: "Refusals of all accounts, at least",
  percent: "Share of the requests, at least",
  window_minutes: "Within",
  factor: "As many as usual",
  least_requests: "Requests an hour, at least",
};

/** Returns what a threshold asks for, above its field. */
export const labelOf = (threshold: string): string => labels[threshold] ?? spaced(threshold);

function spaced(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
