import type { User } from "@openwearables/sdk/connect";

/** What a person calls a user: the name, else the email, else the id in the app, else the id. */
export function nameOf(user: User): string {
  const name = [user.firstName, user.lastName].filter(Boolean).join(" ");
  return name || user.email || user.externalUserId || user.id;
}
