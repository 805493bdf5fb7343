import { type ReactNode, useId } from "react";
import { type FieldProps, Note } from "./Field";

export interface CheckboxProps {
  label: string;
  /** One sentence below the label. */
  hint?: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  name?: string | undefined;
  /** The label in mono, for a scope. */
  mono?: boolean | undefined;
}

/** A yes or no that is sent with its form. */
export function Checkbox(props: CheckboxProps) {
  return <Choice {...props} type="checkbox" />;
}

/** A yes or no that takes effect at once. */
export function Switch(props: CheckboxProps) {
  return <Choice {...props} type="switch" />;
}

function Choice(props: CheckboxProps & { type: "checkbox" | "switch" | "radio"; value?: string }) {
  const { label, hint, checked, onChange, name, mono, type, value } = props;
  const id = useId();
  return (
    <label className={`choice choice-${type}`}>
      <input
        type={type === "switch" ? "checkbox" : type}
        role={type === "switch" ? "switch" : undefined}
        name={name}
        value={value}
        checked={checked}
        aria-labelledby={`${id}-label`}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(e) => onChange(e.target.checked)}
      />
      <span className="choice-text">
        <span id={`${id}-label`} className={mono ? "mono" : undefined}>
          {label}
        </span>
        {hint && (
          <span className="choice-hint" id={`${id}-hint`}>
            {hint}
          </span>
        )}
      </span>
    </label>
  );
}

export interface ChoiceOption<T extends string = string> {
  value: T;
  label: string;
  hint?: ReactNode;
  mono?: boolean;
}

export interface GroupProps<T extends string, V> extends FieldProps {
  value: V;
  onChange: (value: V) => void;
  options: readonly ChoiceOption<T>[];
  /** In two columns where there is room. */
  columns?: boolean | undefined;
}

/** Any of a few, such as scopes. */
export function CheckboxGroup<T extends string>(props: GroupProps<T, readonly T[]>) {
  const { value, onChange, options } = props;
  const change = (option: T, on: boolean) =>
    onChange(options.map((o) => o.value).filter((v) => (v === option ? on : value.includes(v))));
  return (
    <Group {...props}>
      {options.map((option) => (
        <Checkbox
          key={option.value}
          {...option}
          name={props.name}
          checked={value.includes(option.value)}
          onChange={(on) => change(option.value, on)}
        />
      ))}
    </Group>
  );
}

/** Exactly one of a few that are worth seeing at once. */
export function RadioGroup<T extends string>(props: GroupProps<T, T>) {
  const { value, onChange, options } = props;
  const own = useId();
  return (
    <Group {...props}>
      {options.map((option) => (
        <Choice
          key={option.value}
          {...option}
          type="radio"
          name={props.name ?? own}
          checked={value === option.value}
          onChange={() => onChange(option.value)}
        />
      ))}
    </Group>
  );
}

function Group<T extends string, V>(props: GroupProps<T, V> & { children: ReactNode }) {
  const id = useId();
  const note = props.error || props.hint ? `${id}-note` : undefined;
  return (
    <fieldset
      className="field"
      aria-describedby={note}
      data-invalid={props.error ? "" : undefined}
      tabIndex={props.error ? -1 : undefined}
    >
      <legend className="label">
        {props.label}
        {props.optional && <span className="optional"> optional</span>}
      </legend>
      <div className={props.columns ? "choices choices-columns" : "choices"}>{props.children}</div>
      <Note id={note} hint={props.hint} error={props.error} />
    </fieldset>
  );
}
