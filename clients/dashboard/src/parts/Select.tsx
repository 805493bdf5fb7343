import { ChevronDown } from "lucide-react";
import { Field, type FieldProps, useField } from "./Field";

export interface Option<T extends string = string> {
  /** What the page and the address know it by. */
  value: T;
  /** What a person reads. */
  label: string;
}

export interface SelectProps<T extends string> extends FieldProps {
  value: T;
  onChange: (value: T) => void;
  options: readonly Option<T>[];
}

/** One of a few. The list is the browser's own, which phones show in their way. */
export function Select<T extends string>(props: SelectProps<T>) {
  const { name, value, onChange, options } = props;
  const { id, note, input } = useField(props);
  return (
    <Field {...props} id={id} note={note}>
      <div className="input-box">
        <select
          {...input}
          className="input select"
          name={name}
          value={value}
          onChange={(e) => onChange(e.target.value as T)}
        >
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
        <ChevronDown size={16} aria-hidden="true" />
      </div>
    </Field>
  );
}
