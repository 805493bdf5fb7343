import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { Field, type FieldProps, useField } from "./Field";

/** The least length of a password, in characters. */
export const minPassword = 15;

export interface PasswordFieldProps extends FieldProps {
  value: string;
  onChange: (value: string) => void;
  /** For a new password: shows a meter and asks the password manager for one. */
  fresh?: boolean | undefined;
}

/** A password, which can be shown. */
export function PasswordField(props: PasswordFieldProps) {
  const { name, value, onChange, fresh } = props;
  const [shown, setShown] = useState(false);
  const length = [...value].length;
  const hint = fresh ? <Meter length={length} /> : props.hint;
  const { id, note, input } = useField({ hint, error: props.error });
  const Icon = shown ? EyeOff : Eye;
  return (
    <Field {...props} hint={hint} id={id} note={note}>
      <div className="input-box">
        <input
          {...input}
          className={shown ? "input mono" : "input"}
          name={name}
          type={shown ? "text" : "password"}
          value={value}
          autoComplete={fresh ? "new-password" : "current-password"}
          autoCapitalize="off"
          spellCheck={false}
          aria-required
          onChange={(e) => onChange(e.target.value)}
        />
        <button
          type="button"
          className="input-button"
          aria-pressed={shown}
          title="Show password"
          onClick={() => setShown(!shown)}
        >
          <Icon size={16} aria-hidden="true" />
          <span className="sr">Show password</span>
        </button>
      </div>
    </Field>
  );
}

function Meter({ length }: { length: number }) {
  const enough = length >= minPassword;
  const share = Math.min(1, length / minPassword);
  return (
    <span className={enough ? "meter meter-good" : "meter"}>
      <span className="meter-line" aria-hidden="true">
        <span style={{ inlineSize: `${share * 100}%` }} />
      </span>
      {minPassword} characters or more
      {length > 0 && !enough && <span className="num">, {minPassword - length} to go</span>}
      {enough && <span className="sr">, long enough</span>}
    </span>
  );
}
