import { X } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { IconButton } from "../Button";
import type { DialogProps } from "../Dialog";

/** The dialog itself, apart so that a page without one does not load its library. */
export default function DialogOverlay(props: DialogProps) {
  const { open, onClose, title, dismissable = true, size = "medium", side, children } = props;
  return (
    <ModalOverlay
      className={side ? "veil veil-side" : "veil"}
      isOpen={open}
      onOpenChange={(next) => {
        if (!next) onClose();
      }}
      isDismissable={dismissable}
      isKeyboardDismissDisabled={!dismissable}
    >
      <Modal className={side ? "panel" : `dialog dialog-${size}`}>
        <Dialog className="dialog-box">
          <header className="dialog-head">
            <Heading slot="title">{title}</Heading>
            {dismissable && (
              <IconButton
                label="Close"
                icon={<X size={16} aria-hidden="true" />}
                onClick={onClose}
              />
            )}
          </header>
          <Body title={title}>{children}</Body>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

/** What scrolls. Where nothing in it takes the focus, it does itself, so that the keyboard scrolls it. */
function Body({ title, children }: { title: string; children: ReactNode }) {
  const ref = useRef<HTMLElement>(null);
  const [alone, setAlone] = useState(false);
  useEffect(() => {
    setAlone(!ref.current?.querySelector("a[href], button, input, select, textarea"));
  });
  return (
    <section
      className="dialog-body"
      ref={ref}
      tabIndex={alone ? 0 : undefined}
      aria-label={alone ? title : undefined}
    >
      {children}
    </section>
  );
}
