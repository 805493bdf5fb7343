import type { Key } from "@openwearables/sdk/connect";
import { plural } from "../../parts/number";
import { Tag } from "../../parts/Tag";
import { useNow } from "../../parts/Time";
import { toDate } from "../../parts/time";

/** The states that a list of keys is filtered by, as the API and the address know them. */
export const states = [
  { value: "active", label: "Active" },
  { value: "rotating", label: "Rotating" },
  { value: "expiring", label: "Expiring" },
  { value: "unused", label: "Unused" },
  { value: "disabled", label: "Disabled" },
  { value: "expired", label: "Expired" },
] as const;

const day = 86_400_000;
const soon = 14 * day;

/** The state of a key that wants most attention. */
export function KeyTag({ of }: { of: Key }) {
  const now = useNow();
  const left = of.expiresAt ? toDate(of.expiresAt).getTime() - now.getTime() : undefined;
  if (left !== undefined && left <= 0) return <Tag tone="bad">Expired</Tag>;
  if (!of.enabled) return <Tag>Disabled</Tag>;
  if (left !== undefined && left < soon) {
    const days = Math.floor(left / day);
    return (
      <Tag tone="warn">{days < 1 ? "Expires today" : `Expires in ${plural(days, "day")}`}</Tag>
    );
  }
  if (of.overlap) return <Tag tone="warn">Rotating</Tag>;
  return <Tag tone="good">Active</Tag>;
}
