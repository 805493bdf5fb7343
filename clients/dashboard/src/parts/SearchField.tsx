import { Search, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";

export interface SearchFieldProps {
  /** What is searched, read aloud: "Search keys". */
  label: string;
  /** What can be typed, such as "Name or prefix". */
  placeholder?: string | undefined;
  /** What is searched for now. */
  value: string;
  /** Called 250 ms after the last key, and at once by Enter and by Clear. */
  onChange: (value: string) => void;
}

const pause = 250;

/** Searches as one types. */
export function SearchField({ label, placeholder, value, onChange }: SearchFieldProps) {
  const [typed, setTyped] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  const sent = useRef(value);
  useEffect(() => {
    // The page changed it, as by a link that clears the filters.
    if (value !== sent.current) {
      sent.current = value;
      setTyped(value);
    }
  }, [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const send = (text: string) => {
    window.clearTimeout(timer.current);
    sent.current = text;
    onChange(text);
  };
  const change = (text: string) => {
    setTyped(text);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => send(text.trim()), pause);
  };
  const clear = () => {
    setTyped("");
    send("");
    input.current?.focus();
  };
  return (
    <search className="search">
      <Search size={16} aria-hidden="true" />
      <input
        ref={input}
        className="input"
        type="text"
        inputMode="search"
        enterKeyHint="search"
        aria-label={label}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        value={typed}
        onChange={(e) => change(e.target.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter") send(typed.trim());
          if (e.key === "Escape" && typed) {
            e.stopPropagation();
            clear();
          }
        }}
      />
      {typed && (
        <button type="button" className="input-button" title="Clear" onClick={clear}>
          <X size={16} aria-hidden="true" />
          <span className="sr">Clear</span>
        </button>
      )}
    </search>
  );
}
