/** What was done, and what was tried where it was refused: "created the key", "create a key". */
type Words = readonly [done: string, tried: string];

/** The actions of the trail. What it acted on follows, unless the words end with a full stop. */
const actions: Record<string, Words> = {
  "session.login": ["logged in.", "log in as"],
  "session.refresh": ["renewed the session", "renew the session"],
  "session.reuse": ["used an old token again, of", "use an old token again, of"],
  "session.revoke": ["ended the session", "end the session"],
  "session.logout": ["logged out of the session", "log out of the session"],
  "developer.password_change": ["changed the password of", "change the password of"],
  "developer.create": ["created the developer", "create the developer"],
  "developer.update": ["changed the developer", "change the developer"],
  "developer.enable": ["enabled the developer", "enable the developer"],
  "developer.disable": ["disabled the developer", "disable the developer"],
  "developer.delete": ["removed the developer", "remove the developer"],
  "key.create": ["created the key", "create a key"],
  "key.update": ["changed the key", "change the key"],
  "key.rotate": ["gave a new secret to the key", "rotate the key"],
  "key.finish_rotation": ["ended the old secret of the key", "end the old secret of the key"],
  "key.delete": ["deleted the key", "delete the key"],
  "key.use": ["used the key", "use the key"],
  "application.create": ["created the application", "create an application"],
  "application.update": ["changed the application", "change the application"],
  "application.rotate": ["gave a new secret to the application", "rotate the application"],
  "application.finish_rotation": [
    "ended the old secret of the application",
    "end the old secret of the application",
  ],
  "application.delete": ["deleted the application", "delete the application"],
  "user.create": ["created the user", "create a user"],
  "user.update": ["changed the user", "change the user"],
  "user.delete": ["deleted the user", "delete the user"],
  "workouts.write": ["wrote workouts of", "write workouts of"],
  "workout.delete": ["deleted a workout of", "delete a workout of"],
  "token.mint": ["made a token of", "make a token of"],
  "token.revoke": ["ended all sessions of", "end all sessions of"],
  "signing_key.rotate": ["began to sign with the signing key", "sign with the signing key"],
  "signing_key.revoke": ["ended the signing key", "end the signing key"],
  "webhook.create": ["created the webhook", "create a webhook"],
  "webhook.update": ["changed the webhook", "change the webhook"],
  "webhook.rotate": ["gave a new secret to the webhook", "rotate the webhook"],
  "webhook.delete": ["deleted the webhook", "delete the webhook"],
  "webhook.test": ["tested the webhook", "test the webhook"],
  "webhook.disable": ["disabled the webhook", "disable the webhook"],
  "credential.report": ["reported a leak of", "report a leak of"],
  "alert.acknowledge": ["acknowledged the alert", "acknowledge the alert"],
  "alert.mute": ["muted the alert", "mute the alert"],
  "alert.unmute": ["unmuted the alert", "unmute the alert"],
  "alert_rule.update": ["changed the alert rule", "change the alert rule"],
  "invitation.create": ["made the invitation", "make an invitation"],
  "invitation.resend": ["made a new link for the invitation", "make a new link for the invitation"],
  "invitation.revoke": ["revoked the invitation", "revoke the invitation"],
  "pairing.create": ["made a pairing code for", "make a pairing code for"],
  "pairing.redeem": ["redeemed a pairing code of", "redeem a pairing code of"],
  "pairing.revoke": ["revoked a pairing code of", "revoke a pairing code of"],
  "invitation.accept": ["accepted the invitation", "accept the invitation"],
};

/** Every action, as the filter names it: "Key: create". */
export const actionOptions = Object.keys(actions).map((value) => {
  const [noun = "", verb = ""] = value.split(".").map((part) => part.replaceAll("_", " "));
  return { value, label: `${noun.charAt(0).toUpperCase()}${noun.slice(1)}: ${verb}` };
});

/** What a person reads of a reason, such as "insufficient scope". */
export const plain = (reason: string): string => reason.replaceAll("_", " ");

/** The outcomes that the filter offers; the address takes any other. */
export const outcomeOptions = [
  { value: "ok", label: "Done" },
  ...[
    "invalid_credentials",
    "invalid_app_credentials",
    "invalid_api_key",
    "insufficient_scope",
    "network_not_allowed",
    "key_in_browser",
    "rate_limited",
    "refresh_token_reused",
    "incorrect_password",
    "email_taken",
    "quota_exceeded",
    "invitation_pending",
    "developer_exists",
    "last_developer",
  ].map((value) => ({ value, label: `Refused: ${plain(value)}` })),
];

/** Says what happened between the actor and the subject, and whether the subject is still to be named. */
export function said(
  action: string,
  outcome: string,
  self: boolean,
): { text: string; named: boolean } {
  const [done, tried] = actions[action] ?? [`did ${plain(action)} to`, `do ${plain(action)} to`];
  if (outcome !== "ok")
    return { text: `tried to ${tried}`.replace(/ as$/, self ? "" : " as"), named: !self };
  return { text: done.replace(/\.$/, ""), named: !done.endsWith(".") };
}
