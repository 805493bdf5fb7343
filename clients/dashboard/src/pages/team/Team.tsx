import { useQuery } from "@connectrpc/connect-query";
import {
  type Developer,
  DeveloperService,
  type Invitation,
  InvitationService,
  SessionService,
} from "@openwearables/sdk/connect";
import { UserPlus } from "lucide-react";
import { useState } from "react";
import { Button } from "../../parts/Button";
import { PageHeader } from "../../parts/PageHeader";
import { Developers } from "./Developers";
import { EditDeveloper, RemoveDeveloper } from "./developer";
import { Invitations } from "./Invitations";
import { Invite, ResendInvitation, RevokeInvitation } from "./invitation";

/** What a person is about to do on this page. */
export type Doing =
  | { what: "invite" }
  | { what: "edit" | "remove"; developer: Developer }
  | { what: "resend" | "revoke"; invitation: Invitation };

/** Who manages this installation, and who is invited to. */
export default function Team() {
  const [doing, setDoing] = useState<Doing>();
  const me = useQuery(SessionService.method.getMe, {}, { staleTime: 300_000 });
  const developers = useQuery(DeveloperService.method.listDevelopers, {});
  // They hold tokens: nothing of them stays once the page is left.
  const invitations = useQuery(InvitationService.method.listInvitations, {}, { gcTime: 0 });
  const invite = () => setDoing({ what: "invite" });
  return (
    <div className="page">
      <PageHeader
        title="Team"
        sub="Developers manage this installation. All of them may do the same."
        actions={
          <Button kind="primary" icon={<UserPlus size={16} aria-hidden="true" />} onClick={invite}>
            Invite
          </Button>
        }
      />
      <div className="stack">
        <Developers query={developers} me={me.data?.developer?.id} onDo={setDoing} />
        <Invitations
          query={invitations}
          developers={developers.data?.developers ?? []}
          onDo={setDoing}
        />
      </div>
      <Dialogs doing={doing} onClose={() => setDoing(undefined)} />
    </div>
  );
}

function Dialogs({ doing, onClose }: { doing: Doing | undefined; onClose: () => void }) {
  const developer = doing && "developer" in doing ? doing.developer : undefined;
  const invitation = doing && "invitation" in doing ? doing.invitation : undefined;
  return (
    <>
      <Invite open={doing?.what === "invite"} onClose={onClose} />
      {developer && (
        <>
          <EditDeveloper open={doing?.what === "edit"} developer={developer} onClose={onClose} />
          <RemoveDeveloper
            open={doing?.what === "remove"}
            developer={developer}
            onClose={onClose}
          />
        </>
      )}
      {invitation && (
        <>
          <ResendInvitation
            open={doing?.what === "resend"}
            invitation={invitation}
            onClose={onClose}
          />
          <RevokeInvitation
            open={doing?.what === "revoke"}
            invitation={invitation}
            onClose={onClose}
          />
        </>
      )}
    </>
  );
}
