import { useState } from "react";
import { Copy } from "./Copy";
import { TabStrip } from "./Tabs";

export type Language = "curl" | "Go" | "TypeScript" | "Swift";

export interface SnippetProps {
  /** What the code does, read aloud: "First request". */
  label: string;
  /** The same in one or more languages, in the order of the tabs, or JSON. */
  code: Partial<Record<Language | "JSON", string>>;
}

const remembered = "snippet";

/** Code that works as pasted. The language a person chose is chosen everywhere. */
export function Snippet({ label, code }: SnippetProps) {
  const languages = Object.keys(code) as (keyof typeof code)[];
  const [wanted, setWanted] = useState(() => read());
  const chosen = languages.find((language) => language === wanted) ?? languages[0];
  if (!chosen) return null;
  const text = code[chosen] ?? "";
  const block = (
    <div className="snippet-code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it */}
      <section className="snippet-text" tabIndex={0} aria-label={`${label}, ${chosen}`}>
        <pre>
          <code>{colour(text)}</code>
        </pre>
      </section>
      <Copy value={text} what={`${chosen} code`} />
    </div>
  );
  if (languages.length === 1) return <div className="snippet">{block}</div>;
  return (
    <div className="snippet">
      <TabStrip
        label={label}
        tabs={languages.map((language) => ({ id: language, label: language }))}
        chosen={chosen}
        small
        onChoose={(id) => {
          setWanted(id);
          write(id);
        }}
      >
        {block}
      </TabStrip>
    </div>
  );
}

function read(): string {
  try {
    return localStorage.getItem(remembered) ?? "";
  } catch {
    return "";
  }
}

function write(language: string): void {
  try {
    localStorage.setItem(remembered, language);
  } catch {
    // It is chosen for this page alone.
  }
}

// Comments and strings, which is what the eye looks for. A # begins a comment only where a word could begin.
const parts = /((?:^|(?<=\s))(?:\/\/|#).*$|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)/gm;

function colour(text: string) {
  let at = 0;
  return text.split(parts).map((part, n) => {
    const key = at;
    at += part.length;
    if (n % 2 === 0) return part;
    const comment = part.startsWith("//") || part.startsWith("#");
    return (
      <span key={key} className={comment ? "code-comment" : "code-string"}>
        {part}
      </span>
    );
  });
}
