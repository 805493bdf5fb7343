import "./style/index.css";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { takeToken } from "./app/fragment";
import { openGuard } from "./app/guard";
import { Insecure } from "./app/Insecure";
import { preload } from "./app/routes";
import { openSession } from "./app/session";

takeToken();
const root = createRoot(document.getElementById("root") as HTMLElement);
// Browsers keep the session's cookie only where nobody on the way can read it.
if (window.isSecureContext) {
  preload(location.pathname); // while the session finds out who is signed in
  openSession();
  openGuard();
  root.render(<App />);
} else {
  root.render(<Insecure />);
}
