import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { CheckboxGroup, type ChoiceOption } from "../../parts/Checkbox";
import { DateField } from "../../parts/DateField";
import type { FormState } from "../../parts/Form";
import { Select } from "../../parts/Select";
import { TextField } from "../../parts/TextField";

/** What a person chooses of a key. */
export interface KeyValues {
  name: string;
  scopes: readonly string[];
  /** A number of days, "never", or "on" with the moment in expiresAt. */
  expiry: string;
  expiresAt: Date | null;
  /** One a line. */
  allowedNetworks: string;
}

export const scopes: readonly ChoiceOption[] = [
  { value: "users:read", label: "users:read", hint: "Find and read users", mono: true },
  {
    value: "users:write",
    label: "users:write",
    hint: "Create, change and delete users",
    mono: true,
  },
  { value: "workouts:read", label: "workouts:read", hint: "Read workouts of any user", mono: true },
  { value: "workouts:write", label: "workouts:write", hint: "Add and delete workouts", mono: true },
  { value: "tokens:write", label: "tokens:write", hint: "Make tokens for users", mono: true },
  { value: "audit:read", label: "audit:read", hint: "See who read a user's data", mono: true },
  {
    value: "credentials:verify",
    label: "credentials:verify",
    hint: "Ask whether any credential is good",
    mono: true,
  },
  { value: "data:read", label: "data:read", hint: "Read health data upstream", mono: true },
  { value: "data:write", label: "data:write", hint: "Upload and delete it upstream", mono: true },
  {
    value: "connections:write",
    label: "connections:write",
    hint: "Sync and disconnect providers upstream",
    mono: true,
  },
];

const expiries = [
  { value: "never", label: "Never" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In 1 year" },
  { value: "on", label: "At a moment you choose" },
] as const;

/** What a new key is like unless a person chooses something else. */
export const newKey: KeyValues = {
  name: "",
  scopes: scopes.map(({ value }) => value),
  expiry: "never",
  expiresAt: null,
  allowedNetworks: "",
};

/** Says what is wrong with the values, by field. */
export function checkKey(values: KeyValues): Partial<Record<keyof KeyValues, string>> {
  const { name, scopes, expiry, expiresAt } = values;
  return {
    name: name.trim() ? "" : "Give the key a name.",
    scopes: scopes.length > 0 ? "" : "Choose at least one scope.",
    expiresAt:
      expiry !== "on" || (expiresAt && expiresAt.getTime() > Date.now())
        ? ""
        : "Choose a moment in the future.",
  };
}

/** Returns what the API takes of the values. */
export function toRequest({ name, scopes, expiry, expiresAt, allowedNetworks }: KeyValues) {
  const days = Number(expiry);
  const at = expiry === "on" ? expiresAt : days ? new Date(Date.now() + days * 86_400_000) : null;
  return {
    name,
    scopes: [...scopes],
    expiresAt: at ? timestampFromDate(at) : undefined,
    allowedNetworks: allowedNetworks.split(/[\s,]+/).filter(Boolean),
  };
}

/** The fields that a new key and an edited one share, after the name. */
export function KeyFields({ form }: { form: Pick<FormState<KeyValues>, "values" | "field"> }) {
  return (
    <>
      <CheckboxGroup
        label="Scopes"
        hint="What it may do. Fewer are safer."
        options={scopes}
        columns
        {...form.field("scopes")}
      />
      <Select label="Expires" options={expiries} {...form.field("expiry")} />
      {form.values.expiry === "on" && (
        <DateField label="Expires at" min={new Date()} {...form.field("expiresAt")} />
      )}
      <TextField
        label="Allowed networks"
        optional
        lines={2}
        mono
        placeholder="203.0.113.0/24"
        hint="Addresses or networks from where it may be used, one a line. Everywhere if empty."
        {...form.field("allowedNetworks")}
      />
    </>
  );
}
