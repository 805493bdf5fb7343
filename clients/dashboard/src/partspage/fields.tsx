import { OpenWearablesError } from "@openwearables/sdk";
import { useState } from "react";
import { Checkbox, CheckboxGroup, RadioGroup, Switch } from "../parts/Checkbox";
import { ComboBox } from "../parts/ComboBox";
import { DateField } from "../parts/DateField";
import { Form, useForm } from "../parts/Form";
import { NumberField } from "../parts/NumberField";
import { PasswordField } from "../parts/PasswordField";
import { Select } from "../parts/Select";
import { TextField } from "../parts/TextField";
import { Part } from "./Part";

const none = () => {};

export function Fields() {
  return (
    <>
      <Part name="Fields">
        <div className="columns">
          <TextField
            label="Name"
            value=""
            onChange={none}
            placeholder="Billing service"
            hint="What your colleagues call it."
          />
          <TextField
            label="Email"
            type="email"
            value="ada@"
            onChange={none}
            error="This is not an address. It needs a part behind the @."
          />
          <TextField
            label="Endpoint"
            type="url"
            mono
            value="https://example.com/hooks"
            onChange={none}
            readOnly
          />
          <TextField
            label="Note"
            lines={3}
            optional
            value="Long content that runs over the end of the line and goes on in the next."
            onChange={none}
          />
          <Passwords />
          <Values />
        </div>
      </Part>
      <Choices />
      <Part name="Form">
        <Try />
      </Part>
    </>
  );
}

function Passwords() {
  const [password, setPassword] = useState("");
  return (
    <>
      <PasswordField label="Password" name="current" value={password} onChange={setPassword} />
      <PasswordField
        label="New password"
        name="fresh"
        fresh
        least={15}
        value={password}
        onChange={setPassword}
      />
      <PasswordField
        label="Old password"
        name="wrong"
        value="wrong"
        onChange={none}
        error="Email or password is wrong."
      />
    </>
  );
}

const people = [
  { id: "1", label: "Ada Lovelace", sub: "user_01h8xk" },
  { id: "2", label: "Grace Hopper", sub: "user_01h9zz" },
  { id: "3", label: "Katherine Johnson", sub: "user_01hb7c" },
];

function Values() {
  const [hours, setHours] = useState<number | null>(24);
  const [environment, setEnvironment] = useState<"live" | "test">("live");
  const [person, setPerson] = useState<string | null>(null);
  const [at, setAt] = useState<Date | null>(new Date("2026-11-28T14:20:00Z"));
  return (
    <>
      <NumberField
        label="Overlap"
        unit="hours"
        value={hours}
        onChange={setHours}
        hint="The old secret goes on working for so long."
      />
      <NumberField
        label="Limit"
        name="limit"
        value={null}
        onChange={none}
        error="Type a whole number."
      />
      <Select
        label="Environment"
        name="environment"
        value={environment}
        onChange={setEnvironment}
        options={[
          { value: "live", label: "Live" },
          { value: "test", label: "Test" },
        ]}
      />
      <ComboBox
        label="Person"
        value={person}
        onChange={setPerson}
        options={people}
        placeholder="Name or email"
        hint="Whose data was read."
      />
      <ComboBox
        label="Reader"
        value={null}
        onChange={none}
        options={people}
        error="Choose who reads."
      />
      <DateField label="Expires" value={at} onChange={setAt} />
      <DateField
        label="From"
        day
        value={at}
        onChange={setAt}
        error="Choose a day before the end."
      />
    </>
  );
}

const scopes = ["users:read", "users:write", "workouts:read", "audit:read"] as const;

function Choices() {
  const [chosen, setChosen] = useState<readonly (typeof scopes)[number][]>(["users:read"]);
  const [when, setWhen] = useState("day");
  const [on, setOn] = useState(true);
  return (
    <Part name="Choices">
      <div className="columns">
        <CheckboxGroup
          label="Scopes"
          value={chosen}
          onChange={setChosen}
          columns
          options={scopes.map((value) => ({ value, label: value, mono: true }))}
          hint="The least that the service needs."
        />
        <CheckboxGroup
          label="No scope"
          value={[]}
          onChange={none}
          options={[{ value: "a", label: "Read users", hint: "Names and emails" }]}
          error="Choose at least one scope."
        />
        <RadioGroup
          label="Old secret"
          value={when}
          onChange={setWhen}
          options={[
            {
              value: "day",
              label: "Keep it for 24 hours",
              hint: "Recommended: no request is refused.",
            },
            { value: "now", label: "End it now", hint: "What still uses it is refused." },
          ]}
        />
        <div>
          <Checkbox label="Only this address" checked={on} onChange={setOn} />
          <Switch label="Send alerts" hint="By the webhook above." checked={on} onChange={setOn} />
          <Switch label="Weekly summary" checked={!on} onChange={(v) => setOn(!v)} />
        </div>
      </div>
    </Part>
  );
}

/** The server refuses the name "taken" and goes away for the name "offline". */
function Try() {
  const [sent, setSent] = useState("");
  const form = useForm({
    initial: { note: "", displayName: "" },
    check: ({ displayName }) => (displayName ? {} : { displayName: "Type a name." }),
    submit: async ({ displayName }) => {
      await new Promise((done) => window.setTimeout(done, 100));
      if (displayName === "taken") {
        const fields = [{ field: "key.display_name", message: "is taken by another key" }];
        throw new OpenWearablesError("Refused", { kind: "invalid", fields });
      }
      if (displayName === "offline") throw new OpenWearablesError("No answer", { kind: "offline" });
      setSent(displayName);
    },
  });
  return (
    <div style={{ maxInlineSize: "30rem" }}>
      <Form form={form} verb="Create key" busy="Creating…" onCancel={none}>
        <TextField label="Remark" optional {...form.field("note")} />
        <TextField label="Display name" {...form.field("displayName")} />
      </Form>
      <p>
        Sent: <output id="sent">{sent}</output> {form.dirty ? "unsaved" : "saved"}
      </p>
    </div>
  );
}
