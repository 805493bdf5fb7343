// biome-ignore-all lint/a11y/useSemanticElements: a list beside a text input has no element of its own
// biome-ignore-all lint/a11y/useFocusableInteractive: the focus stays in the input, which names the active option
import { ChevronsUpDown } from "lucide-react";
import {
  type KeyboardEvent,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { Field, type FieldProps, useField } from "./Field";

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
  const { name, placeholder } = props;
  const { id, note, input } = useField(props);
  const box = useRef<HTMLDivElement>(null);
  const combo = useCombo(props);
  const active = combo.shown[combo.active];
  return (
    <Field {...props} id={id} note={note}>
      <div className="input-box" ref={box}>
        <input
          {...input}
          className="input"
          name={name}
          role="combobox"
          aria-expanded={combo.open}
          aria-controls={combo.open ? `${id}-list` : undefined}
          aria-autocomplete="list"
          aria-activedescendant={combo.open && active ? `${id}-${active.id}` : undefined}
          placeholder={placeholder}
          autoComplete="off"
          spellCheck={false}
          value={combo.text}
          onChange={(e) => combo.type(e.target.value)}
          onClick={combo.show}
          onKeyDown={combo.keys}
          onBlur={combo.leave}
        />
        <ChevronsUpDown size={16} aria-hidden="true" className="input-mark" />
      </div>
      {combo.open && <Options id={`${id}-list`} of={id} label={props.label} box={box} {...combo} />}
    </Field>
  );
}

/** What is typed, which options match it, and which of them the arrow keys are at. */
function useCombo({ value, onChange, options, onSearch }: ComboBoxProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const [chosen, setChosen] = useState<ComboOption>();
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const held =
    options.find((option) => option.id === value) ?? (chosen?.id === value ? chosen : undefined);
  const shown = typed && !onSearch ? options.filter((option) => matches(option, typed)) : options;

  const show = () => setOpen(true);
  const close = () => {
    setOpen(false);
    setActive(-1);
  };
  const type = (text: string) => {
    setTyped(text);
    setActive(text ? 0 : -1);
    show();
    onSearch?.(text);
  };
  const choose = (option: ComboOption) => {
    setChosen(option);
    setTyped(null);
    close();
    onChange(option.id);
  };
  /** What was typed and not chosen is forgotten; nothing at all is a choice too. */
  const leave = () => {
    if (typed === "" && value !== null) onChange(null);
    setTyped(null);
    close();
  };
  const keys = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = shown[active];
    if (step) {
      setActive(
        open
          ? (active + step + shown.length) % Math.max(shown.length, 1)
          : step > 0
            ? 0
            : shown.length - 1,
      );
      show();
    } else if (event.key === "Enter" && open && at) choose(at);
    else if (event.key === "Escape" && open) close();
    else return;
    event.preventDefault();
    // In a dialog, Escape closes the list alone.
    event.stopPropagation();
  };
  return {
    text: typed ?? held?.label ?? "",
    shown,
    open,
    active,
    value,
    show,
    type,
    choose,
    leave,
    keys,
  };
}

function matches(option: ComboOption, typed: string): boolean {
  const text = typed.trim().toLowerCase();
  return [option.label, option.sub ?? ""].some((part) => part.toLowerCase().includes(text));
}

interface OptionsProps {
  id: string;
  of: string;
  label: string;
  box: RefObject<HTMLDivElement | null>;
  shown: readonly ComboOption[];
  active: number;
  value: string | null;
  choose: (option: ComboOption) => void;
}

function Options({ id, of, label, box, shown, active, value, choose }: OptionsProps) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const place = () => below(list.current, box.current);
    list.current?.showPopover();
    place();
    window.addEventListener("resize", place);
    window.addEventListener("scroll", place, true);
    return () => {
      window.removeEventListener("resize", place);
      window.removeEventListener("scroll", place, true);
    };
  }, [box]);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <div
      ref={list}
      id={id}
      className="popover menu combo-list"
      popover="manual"
      role="listbox"
      aria-label={label}
    >
      {shown.map((option, n) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the input's
        <div
          key={option.id}
          id={`${of}-${option.id}`}
          className="menu-item"
          role="option"
          aria-selected={option.id === value}
          data-focused={n === active || undefined}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => choose(option)}
        >
          <span className="menu-lines">
            <span className="cut">{option.label}</span>
            {option.sub && <span className="cut menu-why mono">{option.sub}</span>}
          </span>
        </div>
      ))}
      {shown.length === 0 && (
        <div className="menu-empty" role="option" aria-selected={false} aria-disabled>
          Nothing matches.
        </div>
      )}
    </div>
  );
}

/** Puts the list below its input, or above where there is more room. */
function below(list: HTMLElement | null, box: HTMLElement | null): void {
  if (!list || !box) return;
  const at = box.getBoundingClientRect();
  const under = window.innerHeight - at.bottom - 16;
  const up = under < 200 && at.top > under;
  Object.assign(list.style, {
    left: `${at.left}px`,
    width: `${at.width}px`,
    top: up ? "auto" : `${at.bottom + 6}px`,
    bottom: up ? `${window.innerHeight - at.top + 6}px` : "auto",
    maxHeight: `${Math.min(320, (up ? at.top : under + 16) - 22)}px`,
  });
}
