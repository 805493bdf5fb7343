/** Where and by what a credential was used; each is absent if it is unknown. */
export interface Use {
  lastUsedIp?: string | undefined;
  lastUsedClient?: string | undefined;
  lastUsedOperation?: string | undefined;
}

const sdks: Record<string, string> = {
  go: "Go",
  ts: "TypeScript",
  typescript: "TypeScript",
  swift: "Swift",
};
const browsers: readonly (readonly [RegExp, string])[] = [
  [/Edg\/(\d+)/, "Edge"],
  [/(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/(?:Chrome|CriOS)\/(\d+)/, "Chrome"],
  [/Version\/(\d+).*Safari/, "Safari"],
];

/** Writes a User-Agent, or the name of a client of the API, as a person says it: "Go SDK 0.1.0", "curl 8.5.0". */
export function clientName(userAgent = ""): string {
  const [, language, version] = /openwearables-([a-z]+)\/(\S+)/.exec(userAgent) ?? [];
  if (language) return `${sdks[language] ?? language} SDK ${version}`;
  return browserName(userAgent) || (userAgent.split(" ")[0] ?? "").replace("/", " ");
}

/** Writes the browser that a User-Agent names, alone or after the SDK of a page: "Chrome 156"; "" if there is none. */
export function browserName(userAgent = ""): string {
  if (!userAgent.includes("Mozilla/")) return "";
  for (const [pattern, name] of browsers) {
    const found = pattern.exec(userAgent);
    if (found) return `${name} ${found[1]}`;
  }
  return "";
}

/** Says from where and by what a credential was used: "203.0.113.24 · curl 8.5.0". */
export function whereUsed({ lastUsedIp, lastUsedClient }: Use): string {
  return [lastUsedIp, clientName(lastUsedClient)].filter(Boolean).join(" · ") || "unknown address";
}
