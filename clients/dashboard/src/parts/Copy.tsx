import { Check, Copy as CopyIcon } from "lucide-react";
import { useEffect, useState } from "react";

/** Puts a text on the clipboard, also on a page without TLS. */
async function toClipboard(text: string, near: Element | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    // Beside the button: a dialog keeps the focus inside itself.
    (near?.parentElement ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export interface CopyProps {
  /** What is copied. */
  value: string;
  /** What it is, for the name of the button: "Copy request id". */
  what: string;
  /** Shows words, not the icon alone: "Copy", or what is given. */
  words?: boolean | string | undefined;
  /** The main thing to do, as with a new secret. */
  primary?: boolean | undefined;
  /** Called once it is on the clipboard. */
  onCopied?: (() => void) | undefined;
}

/** A button that copies, and says that it did. */
export function Copy({ value, what, words, primary, onCopied }: CopyProps) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (!said) return;
    const timer = window.setTimeout(() => setSaid(""), 2_000);
    return () => window.clearTimeout(timer);
  }, [said]);
  const copy = async (button: HTMLButtonElement) => {
    const done = await toClipboard(value, button);
    button.focus();
    setSaid(done ? "Copied" : "Not copied: select it and copy by hand");
    if (done) onCopied?.();
  };
  const Icon = said === "Copied" ? Check : CopyIcon;
  return (
    <>
      <button
        type="button"
        className={
          words ? `button button-${primary ? "primary" : "plain"}` : "icon-button icon-button-small"
        }
        title={words ? undefined : `Copy ${what}`}
        onClick={(event) => void copy(event.currentTarget)}
      >
        <Icon size={words ? 16 : 14} aria-hidden="true" />
        {words ? (
          <span>{said || (words === true ? "Copy" : words)}</span>
        ) : (
          <span className="sr">Copy {what}</span>
        )}
        {words && !said && <span className="sr"> {what}</span>}
      </button>
      <span className="sr" role="status">
        {said}
      </span>
    </>
  );
}
