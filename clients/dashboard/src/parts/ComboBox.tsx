import { lazy, Suspense } from "react";
import type { FieldProps } from "./Field";

const Inner = lazy(() => import("./overlay/ComboBoxField"));

export interface ComboOption {
  id: string;
  /** What a person calls it. */
  label: string;
  /** What a machine calls it, or what tells two of a name apart. */
  sub?: string | undefined;
}

export interface ComboBoxProps extends FieldProps {
  /** The id of the chosen one, or null. */
  value: string | null;
  onChange: (id: string | null) => void;
  options: readonly ComboOption[];
  /** For a long list: called with what is typed; the page then gives the options that match. */
  onSearch?: ((text: string) => void) | undefined;
  placeholder?: string | undefined;
}

/** One of many, found by typing. */
export function ComboBox(props: ComboBoxProps) {
  const empty = (
    <div className="field" aria-busy="true">
      <span className="label">{props.label}</span>
      <span className="input" />
    </div>
  );
  return (
    <Suspense fallback={empty}>
      <Inner {...props} />
    </Suspense>
  );
}
