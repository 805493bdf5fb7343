import { type ReactNode, useId, useState } from "react";
import { Button } from "./Button";
import { Copy } from "./Copy";

export interface SecretOnceProps {
  /** What it is, such as "API key". */
  label: string;
  /** The secret. The page forgets it at onStored. */
  secret: string;
  /** Where to put it, in one sentence. */
  children?: ReactNode;
  /** The person says that it is stored. */
  onStored: () => void;
}

/** Shows a secret once. In a Dialog that is not dismissable: only "I have stored it" ends it. */
export function SecretOnce({ label, secret, children, onStored }: SecretOnceProps) {
  const id = useId();
  const [copied, setCopied] = useState(false);
  return (
    <div className="secret">
      <p>Copy it now. It is shown this once, and nobody can look it up later. {children}</p>
      <div className="field">
        <label className="label" htmlFor={id}>
          {label}
        </label>
        <div className="secret-line">
          <textarea
            id={id}
            className="input mono"
            value={secret}
            readOnly
            rows={1}
            autoComplete="off"
            spellCheck={false}
            onFocus={(event) => event.target.select()}
          />
          <Copy
            value={secret}
            what={label}
            words
            primary={!copied}
            onCopied={() => setCopied(true)}
          />
        </div>
      </div>
      <div className="form-end">
        <Button kind={copied ? "primary" : "plain"} onClick={onStored}>
          I have stored it
        </Button>
      </div>
    </div>
  );
}
