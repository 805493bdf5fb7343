import { Field, type FieldProps, useField } from "./Field";
import { localInput, zone } from "./time";

export interface DateFieldProps extends FieldProps {
  /** The moment, or null while there is none. */
  value: Date | null;
  onChange: (value: Date | null) => void;
  /** A day alone, which begins at midnight in the person's zone. */
  day?: boolean | undefined;
  /** The earliest moment that can be chosen. */
  min?: Date | undefined;
  /** The latest moment that can be chosen. */
  max?: Date | undefined;
}

/** A day or a moment in the person's zone, whose name stands below. */
export function DateField(props: DateFieldProps) {
  const { name, value, onChange, day, min, max } = props;
  const hint = props.hint ?? `In your time zone, ${zone(value ?? new Date())}.`;
  const { id, note, input } = useField({ hint, error: props.error });
  const text = (at: Date | null | undefined) =>
    at ? localInput(at).slice(0, day ? 10 : 16) : undefined;
  const change = (typed: string) => {
    const at = new Date(day ? `${typed}T00:00` : typed);
    onChange(Number.isNaN(at.getTime()) ? null : at);
  };
  return (
    <Field {...props} hint={hint} id={id} note={note}>
      <input
        {...input}
        className="input input-date num"
        name={name}
        type={day ? "date" : "datetime-local"}
        value={text(value) ?? ""}
        min={text(min)}
        max={text(max)}
        onChange={(e) => change(e.target.value)}
      />
    </Field>
  );
}
