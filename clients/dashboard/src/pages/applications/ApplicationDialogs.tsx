import { useMutation, useQuery } from "@connectrpc/connect-query";
import { type Application, ApplicationService, UsageService } from "@openwearables/sdk/connect";
import { ConfirmByName } from "../../parts/ConfirmByName";
import type { MenuItem } from "../../parts/Menu";
import { plural } from "../../parts/number";
import { toast } from "../../parts/Toast";
import { RenameDialog } from "../credential/RenameDialog";
import { RotateDialog } from "../credential/RotateDialog";
import { dropApplication, readApplications, showApplication } from "./cache";

/** What is asked about an application. */
export interface Asked {
  of: Application;
  what: "rename" | "rotate" | "delete" | "";
}

/** Returns the menu of an application, whose entries ApplicationDialogs asks. */
export function menuOf(of: Application, ask: (asked: Asked) => void): MenuItem[] {
  return [
    { label: "Rename…", onAction: () => ask({ of, what: "rename" }) },
    { label: "Rotate…", onAction: () => ask({ of, what: "rotate" }) },
    { label: "Delete…", danger: true, onAction: () => ask({ of, what: "delete" }) },
  ];
}

interface ApplicationDialogsProps {
  asked: Asked | undefined;
  onEnd: () => void;
  onRotated: (of: Application) => void;
  onDeleted?: (() => void) | undefined;
}

/** The dialogs of an application. */
export function ApplicationDialogs(props: ApplicationDialogsProps) {
  const { asked, onEnd, onRotated, onDeleted } = props;
  const update = useMutation(ApplicationService.method.updateApplication);
  const rotate = useMutation(ApplicationService.method.rotateApplicationSecret, { gcTime: 0 });
  const remove = useMutation(ApplicationService.method.deleteApplication);
  if (!asked) return null;
  const { of, what } = asked;
  const { appId, name } = of;
  return (
    <>
      <RenameDialog
        open={what === "rename"}
        onClose={onEnd}
        name={name}
        rename={async (next) => {
          const { application } = await update.mutateAsync({ appId, name: next });
          if (application) showApplication(application);
        }}
      />
      <RotateDialog
        open={what === "rotate"}
        onClose={onEnd}
        name={name}
        label="Application secret"
        rotating={Boolean(of.overlap)}
        rotate={async (overlapSeconds) => {
          const { application, appSecret } = await rotate.mutateAsync({ appId, overlapSeconds });
          rotate.reset();
          if (application) showApplication(application);
          readApplications();
          return appSecret;
        }}
        onDone={() => {
          onEnd();
          onRotated(of);
        }}
      />
      <ConfirmByName
        open={what === "delete"}
        onClose={onEnd}
        title={`Delete ${name}?`}
        name={name}
        verb="Delete application"
        busy="Deleting…"
        onConfirm={async () => {
          await remove.mutateAsync({ appId });
          onDeleted?.();
          dropApplication(appId);
          toast({ text: `${name} deleted` });
        }}
      >
        <Breaks appId={appId} />
      </ConfirmByName>
    </>
  );
}

/** Says what an application is used for now, and so what breaks without it. */
function Breaks({ appId }: { appId: string }) {
  const { data } = useQuery(UsageService.method.getApplicationUsage, {
    appId,
    resolution: "minute",
  });
  const requests = data?.usage?.totals?.requests;
  return (
    <p>
      {requests !== undefined &&
        `In the last hour, ${plural(requests, "request")} came with its secret or its users' tokens. `}
      Every user token that it made ends, so that people must sign in to your app again. This cannot
      be undone.
    </p>
  );
}
