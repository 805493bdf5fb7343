import { Redirect, useSearchParams } from "wouter";
import { useHistoryState } from "wouter/use-browser-location";
import { Alone } from "../../app/Alone";
import { LoginForm } from "../../app/LoginForm";
import { useSession } from "../../app/session";
import { Banner } from "../../parts/Banner";

/** Returns the page to go to after the login: one of this dashboard, never another server's. */
function pageAfter(to: string | null): string {
  return to && /^\/(?![/\\])/.test(to) ? to : "/";
}

export default function Login() {
  const session = useSession();
  const [params] = useSearchParams();
  const state = useHistoryState<{ expired?: boolean } | null>();
  if (session === "signedIn") return <Redirect to={pageAfter(params.get("to"))} replace />;
  return (
    <Alone title="Log in" sub="To the dashboard of this installation.">
      {state?.expired && <Banner>Your session ended. Log in to go on where you were.</Banner>}
      <LoginForm />
    </Alone>
  );
}
