import { X } from "lucide-react";
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
          <div className="dialog-body">{children}</div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
