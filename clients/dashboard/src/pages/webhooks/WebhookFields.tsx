import { CheckboxGroup } from "../../parts/Checkbox";
import type { FormState } from "../../parts/Form";
import { TextField } from "../../parts/TextField";
import { kinds } from "./state";

/** What a person says about an endpoint. */
export interface WebhookValues {
  url: string;
  description: string;
  kinds: readonly string[];
}

/** Says what is wrong with the values, as far as the page can tell. */
export function checkWebhook(values: WebhookValues): Partial<Record<keyof WebhookValues, string>> {
  return {
    url: /^https?:\/\/[^/]/i.test(values.url.trim())
      ? ""
      : "Type a whole address, such as https://example.com/alerts.",
    kinds: values.kinds.length > 0 ? "" : "Choose at least one.",
  };
}

/** Where messages go, and which. */
export function WebhookFields({ form }: { form: FormState<WebhookValues> }) {
  return (
    <>
      <TextField
        label="Address"
        type="url"
        required
        maxLength={2048}
        placeholder="https://example.com/alerts"
        hint="Messages are sent there by POST, signed, over https."
        {...form.field("url")}
      />
      <TextField
        label="Description"
        optional
        maxLength={100}
        hint="Who or what receives them, such as “On-call channel”."
        {...form.field("description")}
      />
      <CheckboxGroup label="Send a message when" options={kinds} {...form.field("kinds")} />
    </>
  );
}
