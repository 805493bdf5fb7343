import { ChevronDown, X } from "lucide-react";
import type { Option } from "../../parts/Select";

export interface ChipSelectProps {
  /** What is filtered, such as "Actor". */
  label: string;
  /** "" while there is no filter. */
  value: string;
  onChange: (value: string) => void;
  options: readonly Option[];
}

/** A filter of a list as a chip: the list of choices is the browser's own. */
export function ChipSelect({ label, value, onChange, options }: ChipSelectProps) {
  const known = !value || options.some((option) => option.value === value);
  return (
    <div className={value ? "chip-select chip-select-on" : "chip-select"}>
      <label>
        <span className="chip-label">{label}</span>
        <select value={value} onChange={(e) => onChange(e.target.value)}>
          <option value="">Any</option>
          {!known && <option value={value}>{value}</option>}
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
        <ChevronDown size={14} aria-hidden="true" />
      </label>
      {value && (
        <button type="button" className="chip-remove" title="Clear" onClick={() => onChange("")}>
          <X size={14} aria-hidden="true" />
          <span className="sr">Clear {label}</span>
        </button>
      )}
    </div>
  );
}
