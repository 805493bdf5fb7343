import { X } from "lucide-react";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { IconButton } from "./Button";

export interface ToastMessage {
  /** What was done, such as "Key disabled". */
  text: string;
  /** Takes it back; shows "Undo". */
  undo?: () => void;
}

interface Shown extends ToastMessage {
  id: number;
}

const most = 3;
let shown: readonly Shown[] = [];
let last = 0;
const watchers = new Set<() => void>();

function show(next: readonly Shown[]): void {
  shown = next;
  for (const watcher of watchers) watcher();
}

/** Says that something was done, for 6 seconds, or 10 with Undo; the oldest of more than three goes. */
export function toast(message: ToastMessage): void {
  last += 1;
  show([...shown, { ...message, id: last }].slice(-most));
}

function watch(change: () => void): () => void {
  watchers.add(change);
  return () => watchers.delete(change);
}

/** Where toasts appear: once in the shell. */
export function Toasts() {
  const all = useSyncExternalStore(watch, () => shown);
  return (
    <section className="toasts" aria-label="Notifications" aria-live="polite">
      {all.map((message) => (
        <Toast key={message.id} {...message} />
      ))}
    </section>
  );
}

function Toast({ id, text, undo }: Shown) {
  const timer = useRef(0);
  const close = () => show(shown.filter((message) => message.id !== id));
  const stay = () => window.clearTimeout(timer.current);
  const go = () => {
    stay();
    timer.current = window.setTimeout(close, undo ? 10_000 : 6_000);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: it begins once, when the toast appears
  useEffect(() => {
    go();
    return stay;
  }, []);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only stays longer under the pointer or the focus
    <div className="toast" onPointerEnter={stay} onPointerLeave={go} onFocus={stay} onBlur={go}>
      <span>{text}</span>
      {undo && (
        <button
          type="button"
          className="toast-undo"
          onClick={() => {
            undo();
            close();
          }}
        >
          Undo
        </button>
      )}
      <IconButton label="Close" icon={<X size={16} aria-hidden="true" />} onClick={close} />
    </div>
  );
}
