import {
  AppWindow,
  Bell,
  KeyRound,
  LayoutDashboard,
  type LucideIcon,
  ScrollText,
  Settings,
  UserCog,
  Users,
} from "lucide-react";
import { type ComponentType, use } from "react";

type Module = { default: ComponentType };

/** A page: its path, its module, and its place in the side bar. */
export interface Route {
  /** As wouter has it: `:id` stands for one part. */
  path: string;
  load: () => Promise<Module>;
  /** It needs no session, and has no side bar. */
  open?: boolean;
  nav?: { label: string; icon: LucideIcon; group: "" | "Watch" | "Installation" };
}

export const routes: readonly Route[] = [
  {
    path: "/",
    load: () => import("../pages/overview/Overview"),
    nav: { label: "Overview", icon: LayoutDashboard, group: "" },
  },
  {
    path: "/keys",
    load: () => import("../pages/keys/Keys"),
    nav: { label: "API keys", icon: KeyRound, group: "" },
  },
  { path: "/keys/:id", load: () => import("../pages/keys/Key") },
  {
    path: "/applications",
    load: () => import("../pages/applications/Applications"),
    nav: { label: "Applications", icon: AppWindow, group: "" },
  },
  { path: "/applications/:id", load: () => import("../pages/applications/Application") },
  {
    path: "/users",
    load: () => import("../pages/users/Users"),
    nav: { label: "Users", icon: Users, group: "" },
  },
  { path: "/users/:id", load: () => import("../pages/users/User") },
  {
    path: "/alerts",
    load: () => import("../pages/alerts/Alerts"),
    nav: { label: "Alerts", icon: Bell, group: "Watch" },
  },
  { path: "/webhooks/:id", load: () => import("../pages/webhooks/Webhook") },
  {
    path: "/audit",
    load: () => import("../pages/audit/Audit"),
    nav: { label: "Audit", icon: ScrollText, group: "Watch" },
  },
  {
    path: "/team",
    load: () => import("../pages/team/Team"),
    nav: { label: "Team", icon: UserCog, group: "Installation" },
  },
  {
    path: "/settings",
    load: () => import("../pages/settings/Settings"),
    nav: { label: "Settings", icon: Settings, group: "Installation" },
  },
  { path: "/login", load: () => import("../pages/login/Login"), open: true },
  { path: "/setup", load: () => import("../pages/setup/Setup"), open: true },
  { path: "/accept-invite", load: () => import("../pages/invite/Invite"), open: true },
];

/** Returns the route of a path. A slash at the end makes no difference. */
export function routeOf(path: string): Route | undefined {
  const parts = path.replace(/\/+$/, "").split("/");
  return routes.find((route) => {
    const wanted = route.path.replace(/\/$/, "").split("/");
    return (
      wanted.length === parts.length &&
      wanted.every((w, i) => w === parts[i] || (w.startsWith(":") && parts[i]))
    );
  });
}

const loading = new Map<Route, Promise<Module>>();

/** Loads a page once. */
function load(route: Route): Promise<Module> {
  let promise = loading.get(route);
  if (!promise) {
    promise = route.load();
    loading.set(route, promise);
    // So that React shows what is loaded at once: it reads these two.
    const known = (value: Module) =>
      Object.assign(promise as object, { status: "fulfilled", value });
    promise.then(known, () => {});
  }
  return promise;
}

/** Loads the page of a path before a person goes there. What fails is loaded again then. */
export function preload(path: string): void {
  const route = routeOf(new URL(path, location.origin).pathname);
  if (route) load(route).catch(() => loading.delete(route));
}

/** Shows the page of a route, and suspends until it is loaded. */
export function Page({ route }: { route: Route }) {
  const { default: Loaded } = use(load(route));
  return <Loaded />;
}
