import type { WebhookDelivery, WebhookEndpoint } from "@openwearables/sdk/connect";
import { Tag, type TagProps } from "../../parts/Tag";

/** The state of an endpoint as a tag. */
export function WebhookTag({ of }: { of: WebhookEndpoint }) {
  if (of.enabled) return <Tag tone="good">Active</Tag>;
  if (of.disabledReason) return <Tag tone="bad">Stopped</Tag>;
  return <Tag>Disabled</Tag>;
}

/** What a message of each kind says. */
export const kinds = [
  { value: "alert.opened", label: "An alert opened" },
  { value: "alert.acknowledged", label: "An alert was acknowledged" },
  { value: "alert.resolved", label: "An alert was resolved" },
] as const;

/** Says what a message tells of. */
export function kindName(kind: string): string {
  if (kind === "test") return "Test";
  return kinds.find(({ value }) => value === kind)?.label ?? kind;
}

const states: Record<string, readonly [TagProps["tone"], string]> = {
  pending: ["warn", "Waiting"],
  delivered: ["good", "Delivered"],
  failed: ["bad", "Failed"],
};

/** The state of a delivery as a tag. */
export function DeliveryTag({ of }: { of: WebhookDelivery }) {
  const [tone, word] = states[of.state] ?? ["plain", of.state];
  return <Tag tone={tone}>{word}</Tag>;
}

/** Returns what an endpoint is called: its description, or the host of its address. */
export function nameOf({ description, url }: WebhookEndpoint): string {
  return description || URL.parse?.(url)?.host || url;
}

/** Says how the last attempt ended, such as "Answered 200 in 34 ms". */
export function outcomeOf(d: WebhookDelivery): string {
  const took = d.lastDurationMs === undefined ? "" : ` in ${d.lastDurationMs} ms`;
  if (d.lastError) return d.lastError;
  return d.lastStatus === undefined ? "Not sent yet" : `Answered ${d.lastStatus}${took}`;
}
