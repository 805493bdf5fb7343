import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "./Button";
import { ErrorNote } from "./ErrorNote";
import { problem } from "./problem";

export interface FormOptions<V extends object> {
  /** What the fields hold at first. */
  initial: V;
  /** Says what is wrong with the values before they are sent, by field. */
  check?: (values: V) => Partial<Record<keyof V, string>>;
  /** Sends the values. What it throws is shown in its field, or above the buttons. */
  submit: (values: V) => Promise<unknown>;
}

export interface FormState<V extends object> {
  values: V;
  /** Changes some of the values. */
  set: (values: Partial<V>) => void;
  /** Returns what a field takes: `<TextField label="Name" {...form.field("name")} />`. */
  field: <K extends keyof V & string>(name: K) => BoundField<V[K]>;
  busy: boolean;
  /** Something was changed and not sent: ask before the page is left. */
  dirty: boolean;
  /** What failed and belongs to no field. */
  failure: unknown;
  /** Counts the refused tries, so that each one moves the focus. */
  refused: number;
  submit: () => Promise<void>;
}

export interface BoundField<T> {
  name: string;
  value: T;
  onChange: (value: T) => void;
  error: string | undefined;
}

/** Holds the values of a form, its errors, and whether it runs. */
export function useForm<V extends object>(options: FormOptions<V>): FormState<V> {
  const [values, setValues] = useState(options.initial);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const [dirty, setDirty] = useState(false);
  const [refused, setRefused] = useState(0);
  const running = useRef(false);

  const set = (some: Partial<V>) => {
    setValues((before) => ({ ...before, ...some }));
    setErrors((before) => without(before, Object.keys(some)));
    setDirty(true);
  };
  const refuse = (found: Record<string, string>, cause?: unknown) => {
    setErrors(found);
    setFailure(cause);
    setRefused((n) => n + 1);
  };
  const submit = async () => {
    if (running.current) return;
    const found = given(options.check?.(values) ?? {});
    if (Object.keys(found).length > 0) return refuse(found);
    running.current = true;
    setBusy(true);
    setFailure(undefined);
    try {
      await options.submit(values);
      setDirty(false);
    } catch (error) {
      const named = Object.entries(problem(error).fields).filter(([field]) => field in values);
      refuse(Object.fromEntries(named), named.length > 0 ? undefined : error);
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return {
    values,
    set,
    busy,
    dirty,
    failure,
    refused,
    submit,
    field: (name) => ({
      name,
      value: values[name],
      onChange: (value) => set({ [name]: value } as unknown as Partial<V>),
      error: errors[name],
    }),
  };
}

function given(errors: object): Record<string, string> {
  return Object.fromEntries(Object.entries(errors).filter(([, text]) => text));
}

function without(errors: Record<string, string>, names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(errors).filter(([name]) => !names.includes(name)));
}

export interface FormProps {
  /** What useForm returned. */
  form: Pick<FormState<object>, "busy" | "failure" | "refused" | "submit">;
  /** The verb and the noun of the button, such as "Create key". */
  verb: string;
  /** What the button says meanwhile, such as "Creating…". */
  busy: string;
  /** Shows Cancel beside the button. */
  onCancel?: (() => void) | undefined;
  /** The button is red: the form takes something away. */
  danger?: boolean | undefined;
  /** The button is plain, where another form of the page has the primary one. */
  plain?: boolean | undefined;
  /** The button is as wide as the form, as at the login. */
  wide?: boolean | undefined;
  /** Puts the focus into the first field, for a form in a dialog. */
  focus?: boolean | undefined;
  children: ReactNode;
}

/** A form of one column. After a refusal the focus is in the first field that is wrong. */
export function Form(props: FormProps) {
  const { form, verb, busy, onCancel, danger, plain, wide, focus, children } = props;
  const ref = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (focus) ref.current?.querySelector<HTMLElement>("input, select, textarea")?.focus();
  }, [focus]);
  useEffect(() => {
    if (form.refused > 0) {
      const bad = '[aria-invalid="true"], [data-invalid], .error-note';
      ref.current?.querySelector<HTMLElement>(bad)?.focus();
    }
  }, [form.refused]);
  const send = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    void form.submit();
  };
  return (
    <form className="form" ref={ref} onSubmit={send} noValidate>
      {children}
      {form.failure !== undefined && <ErrorNote error={form.failure} />}
      <div className="form-end">
        {onCancel && <Button onClick={onCancel}>Cancel</Button>}
        <Button
          type="submit"
          kind={danger ? "danger" : plain ? "plain" : "primary"}
          busy={form.busy && busy}
          wide={wide}
        >
          {verb}
        </Button>
      </div>
    </form>
  );
}
