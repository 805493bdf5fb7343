import { Eye, EyeOff } from "lucide-react";
import { useState } from "react";
import { Field, type FieldProps, useField } from "./Field";

export interface PasswordFieldProps extends FieldProps {
  value: string;
  onChange: (value: string) => void;
  /** For a new password: says what makes a good one, and asks the password manager for it. */
  fresh?: boolean | undefined;
  /** For a new password typed once more, which the password manager fills in like the first. */
  again?: boolean | undefined;
  /** The least length of a new password in characters, where the page knows it: shows a meter. */
  least?: number | undefined;
}

/** A password, which can be shown. */
export function PasswordField(props: PasswordFieldProps) {
  const { name, value, onChange, fresh, again, least } = props;
  const [shown, setShown] = useState(false);
  const hint = fresh ? <Advice length={[...value].length} least={least} /> : props.hint;
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
          autoComplete={fresh || again ? "new-password" : "current-password"}
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

function Advice({ length, least }: { length: number; least: number | undefined }) {
  if (!least) return "Several unrelated words make a good password.";
  const enough = length >= least;
  return (
    <span className={enough ? "meter meter-good" : "meter"}>
      <span className="meter-line" aria-hidden="true">
        <span style={{ inlineSize: `${Math.min(1, length / least) * 100}%` }} />
      </span>
      {least} characters or more
      {length > 0 && !enough && <span className="num">, {least - length} to go</span>}
      {enough && <span className="sr">, long enough</span>}
    </span>
  );
}
