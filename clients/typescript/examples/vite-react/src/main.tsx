import { OpenWearablesProvider } from "@openwearables/sdk/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.js";
import { client } from "./client.js";
import "./style.css";

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <OpenWearablesProvider client={client}>
      <App />
    </OpenWearablesProvider>
  </StrictMode>,
);
