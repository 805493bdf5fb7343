import { type Theme, useTheme } from "../../app/theme";
import { Card } from "../../parts/Card";
import { RadioGroup } from "../../parts/Checkbox";

const themes = [
  { value: "system", label: "As the system", hint: "Follows your device, also at night" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
] as const;

/** The theme in this browser. */
export function AppearanceCard() {
  const [theme, setTheme] = useTheme();
  return (
    <Card title="Appearance" sub="It is kept in this browser.">
      <RadioGroup<Theme> label="Theme" options={themes} value={theme} onChange={setTheme} />
    </Card>
  );
}
