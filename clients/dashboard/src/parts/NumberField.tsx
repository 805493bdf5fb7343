import { useState } from "react";
import { Field, type FieldProps, useField } from "./Field";

export interface NumberFieldProps extends FieldProps {
  /** A whole number, or null while there is none. */
  value: number | null;
  onChange: (value: number | null) => void;
  /** What it counts, written behind it, such as "hours". */
  unit?: string | undefined;
}

/** A whole number with its unit. What is no number is null to the page, and stays as typed. */
export function NumberField(props: NumberFieldProps) {
  const { name, value, onChange, unit } = props;
  const [typed, setTyped] = useState("");
  const { id, note, input } = useField(props);
  const change = (text: string) => {
    setTyped(text);
    onChange(/^\d{1,15}$/.test(text.trim()) ? Number(text) : null);
  };
  return (
    <Field {...props} id={id} note={note}>
      <div className="input-box input-box-short">
        <input
          {...input}
          className="input num"
          name={name}
          inputMode="numeric"
          autoComplete="off"
          value={value === null ? typed : String(value)}
          onChange={(e) => change(e.target.value)}
        />
        {unit && <span className="input-unit">{unit}</span>}
      </div>
    </Field>
  );
}
