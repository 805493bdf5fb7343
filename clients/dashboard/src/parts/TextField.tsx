import type { HTMLInputAutoCompleteAttribute } from "react";
import { Field, type FieldProps, useField } from "./Field";

export interface TextFieldProps extends FieldProps {
  value: string;
  onChange: (value: string) => void;
  /** The kind of text, which phones choose the keyboard by. */
  type?: "text" | "email" | "url" | undefined;
  /** Several lines of text. */
  lines?: number | undefined;
  /** In mono, for what machines read. */
  mono?: boolean | undefined;
  placeholder?: string | undefined;
  autoComplete?: HTMLInputAutoCompleteAttribute | undefined;
  maxLength?: number | undefined;
  /** Can be read and copied, not changed. */
  readOnly?: boolean | undefined;
  required?: boolean | undefined;
}

/** A line of text, or several. */
export function TextField(props: TextFieldProps) {
  const { name, value, onChange, type = "text", lines, mono, readOnly, required } = props;
  const { id, note, input } = useField(props);
  const shared = {
    ...input,
    name,
    value,
    readOnly,
    placeholder: props.placeholder,
    autoComplete: props.autoComplete ?? "off",
    maxLength: props.maxLength,
    "aria-required": required,
    spellCheck: lines ? undefined : false,
    className: mono ? "input mono" : "input",
  };
  return (
    <Field {...props} id={id} note={note}>
      {lines ? (
        <textarea {...shared} rows={lines} onChange={(e) => onChange(e.target.value)} />
      ) : (
        <input {...shared} type={type} onChange={(e) => onChange(e.target.value)} />
      )}
    </Field>
  );
}
