import "../style/index.css";
import "./partspage.css";
import { createRoot } from "react-dom/client";
import { Toasts } from "../parts/Toast";
import { Controls } from "./controls";
import { Data } from "./data";
import { Fields } from "./fields";
import { Notes } from "./notes";
import { Overlays } from "./overlays";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <>
      <main className="page">
        <Controls />
        <Fields />
        <Overlays />
        <Data />
        <Notes />
      </main>
      <Toasts />
    </>,
  );
}
