import { Check } from "lucide-react";
import { useId } from "react";
import { useSearchParams } from "wouter";
import type { Option } from "./Select";

/** Returns a value of the address and what changes it; without it, the address is shorter. */
export function useParam(name: string, fallback = ""): [string, (value: string) => void] {
  const [params, setParams] = useSearchParams();
  const set = (value: string) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === fallback) next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  return [params.get(name) ?? fallback, set];
}

/** Returns what takes values out of the address, all at once. */
export function useClear(...names: string[]): () => void {
  const [, setParams] = useSearchParams();
  return () =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        for (const name of names) next.delete(name);
        return next;
      },
      { replace: true },
    );
}

export interface FilterChipsProps {
  /** What is filtered, such as "State". */
  label: string;
  /** The name in the address. */
  name: string;
  options: readonly Option[];
  /** At most one can be on. */
  single?: boolean | undefined;
}

/** Filters of a list, any of which can be on. The page reads them by useFilter. */
export function FilterChips({ label, name, options, single }: FilterChipsProps) {
  const [on, set] = useFilter(name);
  const others = (value: string) => (single ? [] : on.filter((v) => v !== value));
  return (
    <fieldset className="chips">
      <legend className="sr">{label}</legend>
      {options.map(({ value, label: text }) => {
        const pressed = on.includes(value);
        return (
          <button
            key={value}
            type="button"
            className="chip"
            aria-pressed={pressed}
            onClick={() => set(pressed ? others(value) : [...others(value), value])}
          >
            {pressed && <Check size={14} aria-hidden="true" />}
            {text}
          </button>
        );
      })}
      {on.length > 0 && (
        <button type="button" className="chip chip-clear" onClick={() => set([])}>
          Clear<span className="sr"> {label}</span>
        </button>
      )}
    </fieldset>
  );
}

/** Returns the filters that are on in the address, and what changes them. */
export function useFilter(name: string): [string[], (values: string[]) => void] {
  const [text, setText] = useParam(name);
  return [text ? text.split(",") : [], (values) => setText(values.join(","))];
}

export interface SegmentsProps<T extends string> {
  /** What is chosen, such as "Period". */
  label: string;
  value: T;
  onChange: (value: T) => void;
  options: readonly Option<T>[];
}

/** Exactly one of two to four, such as a period. */
export function Segments<T extends string>({ label, value, onChange, options }: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset className="segments">
      <legend className="sr">{label}</legend>
      {options.map((option) => (
        <label key={option.value} className="segment">
          <input
            type="radio"
            className="sr"
            name={name}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
