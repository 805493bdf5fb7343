import { lazy, type ReactNode, Suspense, useState } from "react";

const load = () => import("./overlay/DialogOverlay");
const Overlay = lazy(load);

/** Loads what dialogs need, before the first one opens. */
export const loadDialog = (): void => void load().catch(() => {}); // the dialog tells

export interface DialogProps {
  open: boolean;
  /** Called by Escape, a click outside or the close button. */
  onClose: () => void;
  /** A verb and a noun, or a question. */
  title: string;
  /** False for a step that must not be lost: only its own button ends it. */
  dismissable?: boolean | undefined;
  /** Medium, 480 px, by default. */
  size?: "small" | "medium" | "large" | undefined;
  /** At the right edge, to read beside the page. */
  side?: boolean | undefined;
  children: ReactNode;
}

/** A dialog over the page, and a sheet from below on a phone. The focus goes back where it was. */
export function Dialog(props: DialogProps) {
  const [used, setUsed] = useState(props.open);
  if (props.open && !used) setUsed(true);
  if (!used) return null;
  return (
    <Suspense fallback={null}>
      <Overlay {...props} />
    </Suspense>
  );
}

/** Details and what to do about them at the right edge, beside the page. */
export function SidePanel(props: Omit<DialogProps, "side" | "size">) {
  return <Dialog {...props} side />;
}

/** The buttons at the end of a dialog, the main one last. */
export function DialogEnd({ children }: { children: ReactNode }) {
  return <div className="form-end">{children}</div>;
}
