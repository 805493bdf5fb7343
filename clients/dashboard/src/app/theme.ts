import { useState } from "react";

export type Theme = "system" | "light" | "dark";

/** Returns the theme that the person chose, and how to choose another. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const chosen = document.documentElement.dataset.theme;
  const [theme, setTheme] = useState<Theme>(
    chosen === "light" || chosen === "dark" ? chosen : "system",
  );
  return [
    theme,
    (next) => {
      if (next === "system") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = next;
      try {
        if (next === "system") localStorage.removeItem("theme");
        else localStorage.setItem("theme", next); // theme.js reads it at the next load
      } catch {}
      setTheme(next);
    },
  ];
}
