import { CircleAlert } from "lucide-react";
import { type ReactNode, useId } from "react";

export interface FieldProps {
  /** What is asked for, above the input. */
  label: string;
  /** One sentence below the input. */
  hint?: ReactNode;
  /** What is wrong and how to mend it; it stands in place of the hint. */
  error?: string | undefined;
  /** Says "optional" beside the label. */
  optional?: boolean | undefined;
  /** The name of the value in its form. */
  name?: string | undefined;
}

/** Returns what ties an input to its label, hint and error. */
export function useField({ hint, error }: Pick<FieldProps, "hint" | "error">) {
  const id = useId();
  const note = error || hint ? `${id}-note` : undefined;
  return {
    id,
    note,
    input: { id, "aria-invalid": error ? true : undefined, "aria-describedby": note },
  };
}

interface FrameProps extends FieldProps {
  id: string;
  note: string | undefined;
  children: ReactNode;
}

/** A label, its input and the line below it. Used by the fields; a page takes those. */
export function Field({ id, note, label, hint, error, optional, children }: FrameProps) {
  return (
    <div className="field">
      <label className="label" htmlFor={id}>
        {label}
        {optional && <span className="optional"> optional</span>}
      </label>
      {children}
      <Note id={note} hint={hint} error={error} />
    </div>
  );
}

/** The line below an input: its hint, or what is wrong. */
export function Note({
  id,
  hint,
  error,
}: Pick<FieldProps, "hint" | "error"> & { id: string | undefined }) {
  if (!error && !hint) return null;
  return (
    <p className={error ? "note note-bad" : "note"} id={id}>
      {error && <CircleAlert size={14} aria-hidden="true" />}
      <span>{error || hint}</span>
    </p>
  );
}
