import "./app.css";
import { TransportProvider } from "@connectrpc/connect-query";
import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { onPreload } from "../parts/Link";
import { Toasts } from "../parts/Toast";
import { Bars } from "./Bars";
import { Boundary } from "./Boundary";
import { useHeld } from "./held";
import { LeaveDialog } from "./LeaveDialog";
import { NotFound } from "./NotFound";
import { queries } from "./queries";
import { Page, preload, type Route as Row, routeOf, routes } from "./routes";
import { Shell } from "./Shell";
import { mayShow, transport, useSession, wasLoggedOut } from "./session";

onPreload(preload);

const Relogin = lazy(() => import("./Relogin"));

/** The dashboard: every page is in one of its rows in routes.tsx. */
export function App() {
  return (
    <TransportProvider transport={transport}>
      <QueryClientProvider client={queries}>
        <Bars />
        <Boundary>
          <Screen />
          <LeaveDialog />
        </Boundary>
        <Toasts />
      </QueryClientProvider>
    </TransportProvider>
  );
}

function Screen() {
  const [path] = useLocation();
  const route = routeOf(path);
  if (route?.open) return <Content />;
  return (
    <SignedIn>
      <Shell>
        <Content />
      </Shell>
    </SignedIn>
  );
}

/** Shows what needs a session, or the login, which leads back here. */
function SignedIn({ children }: { children: ReactNode }) {
  const state = useSession();
  const [path] = useLocation();
  const search = useSearch();
  const held = useHeld();
  if (state === "unknown" && !mayShow()) return null;
  if (state === "signedOut" || (state === "expired" && !held)) {
    const expired = state === "expired";
    return <Redirect to={loginFor(path, search)} replace state={{ expired }} />;
  }
  return (
    <>
      {children}
      {held && (
        <Suspense fallback={null}>
          <Relogin />
        </Suspense>
      )}
    </>
  );
}

/** Returns the address of the login that leads back to a page. */
function loginFor(path: string, search: string): string {
  const to = search ? `${path}?${search}` : path;
  return to === "/" || wasLoggedOut() ? "/login" : `/login?to=${encodeURIComponent(to)}`;
}

function Content() {
  const [path] = useLocation();
  return (
    <Boundary key={path}>
      <Suspense fallback={<div className="page" aria-busy="true" />}>
        <Switch>
          {routes.map((route) => (
            <Route key={route.path} path={route.path}>
              <Shown route={route} path={path} />
            </Route>
          ))}
          <Route>
            <NotFound />
          </Route>
        </Switch>
      </Suspense>
    </Boundary>
  );
}

function Shown({ route, path }: { route: Row; path: string }) {
  return (
    <>
      <Page route={route} />
      <Arrived key={path} path={path} />
    </>
  );
}

let arrived: string | undefined;
let back = false;
window.addEventListener("popstate", () => {
  back = true; // the browser scrolls to where the person was
});

/** After a change of path, once the page is there, moves the focus to its heading. */
function Arrived({ path }: { path: string }) {
  useEffect(() => {
    const first = arrived === undefined;
    const again = arrived === path;
    arrived = path;
    if (first || again) return;
    if (!back) window.scrollTo(0, 0);
    back = false;
    document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
  }, [path]);
  return null;
}
